// A case: what is measured, for whom, at which sizes. A cell is one case × contender × size.
import type { Session } from '../contender.js'
import type { Histogram, HistogramJson } from '../histogram.js'

export interface Cell {
  readonly case: string
  readonly contender: string
  /** Bytes of the array; 0 where there is none. */
  readonly bytes: number
}

export interface CellContext extends Cell {
  /** How long to measure, after warming up. */
  readonly seconds: number
  /** Spin budget in µs; undefined leaves the default. */
  readonly spin: number | undefined
  /** Starts the contender. The case closes nothing: the child does. */
  open(): Promise<Session>
}

/** Values of several quantities, taken at the same moments. */
export type Series = Readonly<Record<string, readonly number[]>>

/** What one round of a cell found. */
export interface Measured {
  readonly histogram?: Histogram
  /** Of a case that is measured once. */
  readonly series?: Series
  /** Named figures besides the latencies, such as `callsPerSecond`. */
  readonly figures?: Readonly<Record<string, number>>
}

/** The same, as it crosses from the child. */
export interface MeasuredJson {
  readonly histogram?: HistogramJson
  readonly series?: Series
  readonly figures?: Readonly<Record<string, number>>
}

export interface Case {
  readonly title: string
  readonly contenders: readonly string[]
  readonly sizes: readonly number[]
  /** Whether a contender takes part at this size; without it, all do at every size. */
  takes?(contender: string, bytes: number): boolean
  /** Flags of the child's Node. */
  readonly nodeFlags?: readonly string[]
  /** Measured in the first round only: it is long, and counts rather than times. */
  readonly once?: true
  /** How long one round may take at most. Default 3 minutes. */
  readonly limitMs?: number
  /** How long one round takes about, where the profile's seconds do not say it. For the planned time only. */
  readonly expectedMs?: number
  run(context: CellContext): Promise<Measured>
}

export const everyBridge = ['isthmus', 'msgpack-socket', 'json-stdio', 'http-fastapi'] as const

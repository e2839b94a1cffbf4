// The result file: what one run of the bench found, complete enough to print every table from it.
import { readFileSync } from 'node:fs'
import type { Series } from './cases/case.js'
import type { Machine } from './machine.js'
import type { CellRecord } from './rotation.js'

export interface CellResult {
  readonly case: string
  readonly contender: string
  readonly bytes: number
  /** Latencies in ns over all rounds. */
  readonly latency?: { readonly [name in 'p50' | 'p90' | 'p99' | 'p999' | 'max' | 'count']: number }
  /** The p50 of each round in ns: how far they lie apart is how far to trust the ratio. */
  readonly roundP50s?: readonly number[]
  /** Each figure's median over the rounds. */
  readonly figures?: Readonly<Record<string, number>>
  /** Quantities over the course of a case. */
  readonly series?: Series
  readonly skipped?: string
}

export interface Results {
  readonly date: string
  readonly profile: string
  readonly spin: number | 'default'
  readonly seconds: number
  readonly machine: Machine
  readonly cells: readonly CellResult[]
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? NaN
}

export function resultOf({
  cell,
  histogram,
  roundP50s,
  figures,
  series,
  skipped,
}: CellRecord): CellResult {
  const at = (share: number): number => Math.round(histogram.percentile(share))
  const names = Object.entries(figures).map(([name, values]) => [name, median(values)] as const)
  return {
    ...cell,
    ...(histogram.count > 0 && {
      latency: {
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
        max: histogram.max,
        count: histogram.count,
      },
      roundP50s: roundP50s.map(Math.round),
    }),
    ...(names.length > 0 && { figures: Object.fromEntries(names) }),
    ...(series && { series }),
    ...(skipped !== undefined && { skipped }),
  }
}

export const readResults = (file: string): Results =>
  JSON.parse(readFileSync(file, 'utf8')) as Results

export function find(
  results: Results,
  name: string,
  contender: string,
  bytes = 0,
): CellResult | undefined {
  return results.cells.find(
    cell => cell.case === name && cell.contender === contender && cell.bytes === bytes,
  )
}

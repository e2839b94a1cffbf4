// What the run says: a line for each phase, and what the overload did to latency and memory.
import type { Machine } from '../../../bench/machine.js'
import type { Phase, Second } from './phase.js'
import type { Sample } from './served.js'

export interface Settings {
  readonly workers: number
  readonly maxQueue: number
  readonly timeout: number
}

export interface Verdict {
  /** Milliseconds that the last row of a full queue waits, at the rate at which rows were accepted. */
  readonly bound: number
  /** MB of everything, in the second and in the last quarter of the overload. */
  readonly memory: { readonly early: number; readonly late: number }
}

export interface Result extends Verdict {
  readonly machine: Machine
  readonly settings: Settings
  readonly phases: readonly Phase[]
  readonly end: {
    readonly code: number | null
    readonly signal: string | null
    readonly restarts: number
  }
  readonly seconds: readonly Second[]
  readonly samples: readonly Sample[]
}

/** Rows of a batch; a worker has at most one that runs and one that is next. */
const batch = 32

export const phaseOf = (phases: readonly Phase[], name: string) =>
  phases.find(phase => phase.name === name)!

export function verdictOf(
  phases: readonly Phase[],
  samples: readonly Sample[],
  { workers, maxQueue }: Settings,
  began: number,
): Verdict {
  const { from, to, accepted } = phaseOf(phases, 'double')
  const during = samples.filter(({ at }) => at - began > from && at - began < to)
  // The first quarter is left out: connections are being made, and V8 finds the size that its heap needs.
  const quarter = Math.floor(during.length / 4)
  return {
    bound: ((maxQueue + (workers + 1) * batch) / accepted) * 1000,
    memory: {
      early: mean(during.slice(quarter, 2 * quarter)),
      late: mean(during.slice(-quarter)),
    },
  }
}

const mean = (samples: readonly Sample[]) =>
  samples.reduce((sum, { node, workers, shared }) => sum + node + workers + shared, 0) /
  Math.max(1, samples.length)

export function line(phase: Phase): string {
  const { rate, offered, accepted, refused, latency, refusal, other, unanswered } = phase
  const short =
    rate !== undefined && offered < rate * 0.95 ? `, less than the ${rate.toFixed(0)} wanted` : ''
  const parts = [
    `${offered.toFixed(0)} requests/s${short}, ${accepted.toFixed(0)} answered 200`,
    `p50 ${latency.p50.toFixed(1)} ms, p99 ${latency.p99.toFixed(1)} ms, max ${latency.max.toFixed(0)} ms`,
    ...(refused > 0
      ? [
          `503: ${(refused * 100).toFixed(1)} % in p50 ${refusal.p50.toFixed(1)} ms, p99 ${refusal.p99.toFixed(1)} ms`,
        ]
      : []),
    ...(other + unanswered > 0
      ? [`${other} with another status, ${unanswered} without an answer`]
      : []),
  ]
  return `  ${parts.join('\n  ')}`
}

export function summary({ bound, memory, end, phases }: Result): string {
  const { latency } = phaseOf(phases, 'double')
  const change = memory.late - memory.early
  return [
    `under twice the capacity: p99 of accepted requests ${latency.p99.toFixed(0)} ms; a full queue is ${bound.toFixed(0)} ms long`,
    `memory of Node, workers and shared memory: ${memory.early.toFixed(0)} MB in the second quarter, ${memory.late.toFixed(0)} MB in the last (${change < 0 ? '−' : '+'}${Math.abs(change).toFixed(1)})`,
    `the service ended with ${end.signal ?? end.code}; workers started again: ${end.restarts}`,
  ].join('\n')
}

// How long calls of a pool waited, ran, and were under way: histograms, from which percentiles can be asked.
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

/** Histograms of `node:perf_hooks` in nanoseconds; `percentile()`, `reset()`. */
export interface Histograms {
  /** From the call to its sending: the time in the queue of the pool. */
  readonly wait: RecordableHistogram
  /** In which the function ran, as the worker measured it. */
  readonly run: RecordableHistogram
  /** The rest: encoding, the way there, the worker's queue, the way back, and Node's event loop. */
  readonly transfer: RecordableHistogram
}

/** A histogram in figures, times in microseconds. */
export interface Timing {
  readonly count: number
  readonly mean: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

export const createHistograms = (): Histograms => ({
  wait: createHistogram(),
  run: createHistogram(),
  transfer: createHistogram(),
})

/**
 * One call that was answered.
 * @param called,sent,answered by performance.now()
 * @param elapsed nanoseconds that the function ran
 */
export function record(
  { wait, run, transfer }: Histograms,
  called: number,
  sent: number,
  answered: number,
  elapsed: number,
): void {
  const waited = (sent - called) * 1e6
  wait.record(least(waited))
  run.record(least(elapsed))
  transfer.record(least((answered - called) * 1e6 - waited - elapsed))
}

/** A histogram takes whole numbers from 1 up; what a worker says may be any. */
export const least = (nanoseconds: number) =>
  Math.min(Math.max(1, Math.round(nanoseconds)), Number.MAX_SAFE_INTEGER)

/** Of a histogram in nanoseconds. */
export const timing = (histogram: RecordableHistogram): Timing => summary(histogram, 1000)

/** @param unit what counts as 1 */
export function summary(histogram: RecordableHistogram, unit = 1): Timing {
  const { count } = histogram
  if (count === 0) return { count, mean: 0, p50: 0, p90: 0, p99: 0, max: 0 }
  const at = (percentile: number) => histogram.percentile(percentile) / unit
  const { mean, max } = histogram
  return { count, mean: mean / unit, p50: at(50), p90: at(90), p99: at(99), max: max / unit }
}

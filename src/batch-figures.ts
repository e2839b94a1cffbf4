// What is counted of the batches of a function.
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { summary, type Timing, timing } from './timings.js'

/** Histograms of `node:perf_hooks`; `percentile()`, `reset()`. */
export interface BatchHistograms {
  /** Items of a batch. */
  readonly size: RecordableHistogram
  /** From the call to its sending, in nanoseconds. */
  readonly wait: RecordableHistogram
}

/** Figures of a function that takes batches, since the start. Times in microseconds. */
export interface BatchStats {
  /** Items that wait in Node. */
  readonly waiting: number
  /** Batches that were sent and not answered. */
  readonly running: number
  /** Items and batches that were sent. */
  readonly items: number
  readonly batches: number
  readonly size: Timing
  readonly wait: Timing
  /** The cost of a batch of n, as it is estimated: fixed + perItem·n. */
  readonly fixed: number
  readonly perItem: number
}

export const createBatchHistograms = (): BatchHistograms => ({
  size: createHistogram(),
  wait: createHistogram(),
})

export const figuresOf = ({ size, wait }: BatchHistograms) => ({
  size: summary(size),
  wait: timing(wait),
})

import type { BatchStats } from './batch-figures.js'
import type { Dispatcher } from './dispatcher.js'
import type { Memory } from './memory.js'
import { type MemoryFigures, memoryFigures } from './stats.js'
import type { Supervisor } from './supervisor.js'
import { type Histograms, type Timing, timing } from './timings.js'

/** Figures of a pool since it was made. Sizes in bytes. */
export interface PoolStats extends MemoryFigures {
  /** By their place in the pool. */
  readonly workers: readonly WorkerStats[]
  /** Calls made, those that were never sent included. */
  readonly calls: number
  /** Calls that wait for a worker. */
  readonly queued: number
  /** Threads of each worker on which plain functions run. 1: its main thread, one after another. */
  readonly threads: number
  /** Tensor bytes copied, in any process, because they did not lie in shared memory. */
  readonly copiedBytes: number
  /** Tensor bytes that crossed by reference, in any direction. */
  readonly sharedBytes: number
  /** In the queue of the pool, in microseconds, of calls that were answered with a result. */
  readonly wait: Timing
  /** In the function. */
  readonly run: Timing
  /** Everything else. */
  readonly transfer: Timing
  /** Of functions that take batches, by name. A batch is one call in what is above. */
  readonly batches: Readonly<Record<string, BatchStats>>
}

export interface WorkerStats {
  /** Of the current process, or of the last one. */
  readonly pid: number
  /** `starting`: it has ended and is started again. `down`: it is not. */
  readonly state: 'ready' | 'starting' | 'down'
  readonly restarts: number
  /** Calls that it has and has not answered; of these, those that count for `concurrency`. */
  readonly busy: number
  readonly running: number
  /** Calls sent, by all processes in this place. */
  readonly calls: number
  /** Objects that live in it. */
  readonly objects: number
  /** Tensor bytes that it copied, and that it sent by reference; by all processes in this place. */
  readonly copiedBytes: number
  readonly sharedBytes: number
}

export function readPoolStats(
  memory: Memory,
  supervisors: readonly Supervisor[],
  dispatcher: Dispatcher,
  histograms: Histograms,
  threads: number,
  batches: PoolStats['batches'],
): PoolStats {
  const totals = supervisors.map(supervisor => supervisor.totals())
  const workers = supervisors.map(({ worker, pid, restarts, down }, at): WorkerStats => {
    const { calls, copiedBytes, workerSharedBytes: sharedBytes } = totals[at]!
    return {
      pid,
      state: worker !== undefined ? 'ready' : down !== undefined ? 'down' : 'starting',
      restarts,
      busy: worker?.calls.busy ?? 0,
      running: dispatcher.running(at),
      calls,
      objects: worker?.calls.objects ?? 0,
      copiedBytes,
      sharedBytes,
    }
  })
  const sum = (figure: (total: (typeof totals)[number]) => number) =>
    totals.reduce((total, each) => total + figure(each), 0)
  const own = memory.native.stats()
  return {
    workers,
    calls: dispatcher.count,
    queued: dispatcher.queued,
    threads,
    copiedBytes: own.copiedBytes + sum(each => each.copiedBytes),
    sharedBytes: sum(each => each.nodeSharedBytes + each.workerSharedBytes),
    ...memoryFigures(own),
    wait: timing(histograms.wait),
    run: timing(histograms.run),
    transfer: timing(histograms.transfer),
    batches,
  }
}

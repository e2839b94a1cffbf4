// One worker after the other in the same place: the one that takes calls, the one that is being started, and those that
// were replaced and finish what they have.
//
//   starting -> ready -> (ended) -> waiting -> starting …        down: not started again        closed
import type { Exit } from './child.js'
import { RestartLimitError } from './errors.js'
import { type ResolvedRestart, RestartPolicy } from './restart.js'
import type { Worker } from './worker.js'

/** Why a worker was started again: what ended the one before, or `watch` when its source changed. */
export type RestartReason = Error | 'watch'

export interface Restart {
  readonly reason: RestartReason
  /** Process id of the new worker. */
  readonly pid: number
  /** Restarts in a row, this one included. */
  readonly attempt: number
  /** Its place in the pool, from 0; 0 for a bridge. */
  readonly worker: number
}

/** None of these throws. */
export interface SupervisorEvents {
  /** Calls can be given to `worker` from now on; or it has room again, for which they wait. */
  ready(): void
  restarted(restart: Restart): void
  exited(exit: Exit, pid: number): void
  /** A worker could not be started again, or changed source does not import. Nothing has ended by that. */
  failed(error: Error): void
  /** It ended and is not started again. */
  down(error: Error): void
}

/** How a worker ends that a supervisor started. */
export interface Launched {
  /** It takes no calls any more; the process may still run. */
  ending(): void
  room(): void
  exited(exit: Exit, error: Error): void
}

/** false: what has ended stays down. */
export type ResolvedRestartOption = false | ResolvedRestart

export interface CloseOptions {
  /** Milliseconds in which calls that were made may finish; then they reject with ClosedError. Default 0. */
  readonly grace?: number
  /** true: the process is killed at once, whatever it does. Default false. */
  readonly force?: boolean
}

export class Supervisor {
  readonly #index: number
  readonly #launch: (events: Launched) => Worker
  readonly #events: SupervisorEvents
  readonly #policy: RestartPolicy | undefined
  readonly #limit: number
  /** Takes calls, as long as it has not ended. */
  #current: Worker | undefined
  #readyAt = 0
  #starting: Worker | undefined
  /** Why the worker that is being started has ended, between its answer and the moment when that is heard. */
  #endedEarly: Error | undefined
  readonly #retired = new Set<Worker>()
  /** Until the next start. */
  #timer: NodeJS.Timeout | undefined
  #wanted = false
  /** The source changed while a worker was being started. */
  #changedAgain = false
  #closing: Promise<void> | undefined
  #pid = 0
  /** Of the workers that have ended. */
  #past: Totals = { calls: 0, copiedBytes: 0, nodeSharedBytes: 0, workerSharedBytes: 0 }
  /** Why no worker is started any more. */
  down: Error | undefined
  /** Workers started after the first. */
  restarts = 0

  /** @param launch starts a process; whatever it throws is a failed start */
  constructor(
    index: number,
    restart: ResolvedRestartOption,
    launch: (events: Launched) => Worker,
    events: SupervisorEvents,
  ) {
    this.#index = index
    this.#launch = launch
    this.#events = events
    this.#policy = restart === false ? undefined : new RestartPolicy(restart)
    this.#limit = restart === false ? 0 : restart.limit
  }

  /** The worker that takes calls; undefined while there is none. */
  get worker(): Worker | undefined {
    const worker = this.#current
    return worker === undefined || worker.calls.ended ? undefined : worker
  }

  /** Process id of the current worker, or of the last one. */
  get pid(): number {
    return this.#pid
  }

  /** Figures of all workers so far. */
  totals(): Totals {
    const live = [this.#current, ...this.#retired].filter(worker => worker !== undefined)
    return live.map(totalsOf).reduce(plus, this.#past)
  }

  /**
   * The first start.
   * @throws StartError; the process is gone then
   */
  async start(): Promise<void> {
    this.#adopt(await this.#bring())
  }

  /** Calls wait for this worker: Node stays alive until it has room, or is back. */
  set wanted(wanted: boolean) {
    if (wanted === this.#wanted) return
    this.#wanted = wanted
    if (wanted) this.#timer?.ref()
    else this.#timer?.unref()
    const worker = this.#current
    if (worker === undefined) return
    worker.calls.wanted = wanted
    if (wanted && worker.calls.ended) worker.ref()
  }

  /** Starts a worker with the changed source, which replaces the current one if it gets ready. */
  replace(): void {
    if (this.#closing !== undefined) return
    if (this.#starting !== undefined) {
      this.#changedAgain = true
      return
    }
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#policy?.reset()
    void this.#startAgain('watch')
  }

  /** @param reason what pending calls reject with */
  close({ grace = 0, force = false }: CloseOptions, reason: Error): Promise<void> {
    const workers = [this.#current, this.#starting, ...this.#retired].filter(
      worker => worker !== undefined,
    )
    clearTimeout(this.#timer)
    if (force) for (const worker of workers) worker.kill(reason)
    this.#closing ??= Promise.all(workers.map(worker => closeWorker(worker, grace, reason))).then(
      () => {},
    )
    return this.#closing
  }

  /** It stays `#starting` until it is adopted, so that close() always finds it. */
  async #bring(): Promise<Worker> {
    this.#endedEarly = undefined
    const worker: Worker = this.#launch({
      ending: () => this.#ending(worker),
      room: () => {
        if (worker === this.#current) this.#events.ready()
      },
      exited: (exit, error) => this.#ended(worker, exit, error),
    })
    this.#starting = worker
    try {
      await worker.ready()
    } catch (error) {
      this.#starting = undefined
      throw error
    }
    return worker
  }

  #adopt(worker: Worker): void {
    const before = this.#current
    this.#starting = undefined
    this.#pid = worker.pid
    this.#readyAt = performance.now()
    this.#current = worker
    worker.calls.wanted = this.#wanted
    this.down = undefined
    if (before !== undefined) {
      before.calls.wanted = false
      void this.#retire(before)
    }
    if (this.#endedEarly === undefined) this.#events.ready()
    else this.#lost(this.#endedEarly)
  }

  /** What it was asked before is finished, streams that are being read too. */
  async #retire(worker: Worker): Promise<void> {
    this.#retired.add(worker)
    await worker.calls.idle()
    await worker.close()
  }

  #ending(worker: Worker): void {
    if (worker !== this.#current || this.#closing !== undefined) return
    if (this.#policy === undefined) this.#giveUp(worker.calls.reason!)
    else if (this.#wanted) worker.ref()
  }

  #ended(worker: Worker, exit: Exit, error: Error): void {
    this.#past = plus(this.#past, totalsOf(worker))
    this.#retired.delete(worker)
    this.#events.exited(exit, worker.pid)
    if (worker === this.#starting) this.#endedEarly = error
    else if (worker === this.#current) this.#lost(error)
  }

  #lost(reason: Error): void {
    this.#current = undefined
    // One that is being started takes its place, or fails and is tried again.
    if (this.#closing === undefined && this.#starting === undefined && this.down === undefined)
      this.#restart(reason, performance.now() - this.#readyAt)
  }

  #restart(reason: Error, ran: number): void {
    if (this.#policy === undefined) {
      this.#giveUp(reason)
      return
    }
    const wait = this.#policy.next(ran)
    if (wait === undefined) {
      this.#giveUp(new RestartLimitError(this.#limit, { cause: reason }))
      return
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#startAgain(reason)
    }, wait)
    if (!this.#wanted) this.#timer.unref()
  }

  #giveUp(reason: Error): void {
    this.down = reason
    this.#events.down(reason)
  }

  async #startAgain(reason: RestartReason): Promise<void> {
    try {
      const worker = await this.#bring()
      if (this.#closing !== undefined) return // close() ends it
      this.restarts++
      this.#adopt(worker)
      const attempt = this.#policy?.attempt ?? 0
      this.#events.restarted({ reason, pid: worker.pid, attempt, worker: this.#index })
    } catch (error) {
      if (this.#closing !== undefined) return
      this.#events.failed(error as Error)
      if (this.#current === undefined && !this.#changedAgain) this.#restart(error as Error, 0)
    }
    if (!this.#changedAgain) return
    this.#changedAgain = false
    this.replace()
  }
}

/** Figures that go on when one worker follows another. */
export interface Totals {
  /** Calls sent. */
  readonly calls: number
  /** Bytes copied by the workers. */
  readonly copiedBytes: number
  readonly nodeSharedBytes: number
  readonly workerSharedBytes: number
}

function totalsOf(worker: Worker): Totals {
  const { workerCopiedBytes, nodeSharedBytes, workerSharedBytes } = worker.stats()
  const calls = worker.calls.count
  return { calls, copiedBytes: workerCopiedBytes, nodeSharedBytes, workerSharedBytes }
}

const plus = (a: Totals, b: Totals): Totals => ({
  calls: a.calls + b.calls,
  copiedBytes: a.copiedBytes + b.copiedBytes,
  nodeSharedBytes: a.nodeSharedBytes + b.nodeSharedBytes,
  workerSharedBytes: a.workerSharedBytes + b.workerSharedBytes,
})

async function closeWorker(worker: Worker, grace: number, reason: Error): Promise<void> {
  if (grace > 0) {
    let timer: NodeJS.Timeout | undefined
    const over = new Promise<void>(resolve => {
      timer = setTimeout(resolve, Math.min(grace, 2 ** 31 - 1))
    })
    await Promise.race([worker.calls.idle(), over])
    clearTimeout(timer)
  }
  await worker.close(reason)
}

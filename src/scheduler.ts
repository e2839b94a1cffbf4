// Which job goes to which worker, and when. Knows nothing of processes: a slot says whether it takes jobs, and runs them.
//
// S1  A job is queued only while no slot that may run it has room: whoever gives room back pumps.
// S2  A slot runs at most `concurrency` limited jobs; what needs no place of its own goes up to `window`.
import { QueueFullError } from './errors.js'
import { JobQueue, type Queued } from './pool-queue.js'

export interface Job extends Queued {
  /** It will not be run. */
  reject(error: Error): void
}

export interface Slot<J> {
  /** It takes jobs now. */
  readonly ready: boolean
  /** Why it never will again. */
  readonly down: Error | undefined
  /** Everything that it was given, by whatever way, and has not answered. */
  readonly busy: number
  /** Objects that live in it: of two that are equally busy, the one with fewer takes the job. */
  readonly objects: number
  /** Takes the job over. When it has ended, `Scheduler.ended` is called; not from within. */
  run(job: J): void
}

export interface Limits {
  readonly concurrency: number
  readonly window: number
  readonly maxQueue: number
}

export interface SchedulerEvents {
  /** Jobs are queued now; or none any more. */
  waiting(any: boolean): void
}

export class Scheduler<J extends Job> {
  readonly #slots: readonly Slot<J>[]
  readonly #limits: Limits
  readonly #events: SchedulerEvents
  readonly #queue: JobQueue<J>
  /** Limited jobs of each slot. */
  readonly #taken: Set<J>[]
  #waiting = false

  constructor(slots: readonly Slot<J>[], limits: Limits, events: SchedulerEvents) {
    this.#slots = slots
    this.#limits = limits
    this.#events = events
    this.#queue = new JobQueue(slots.length)
    this.#taken = slots.map(() => new Set())
  }

  /** Jobs that wait. */
  get queued(): number {
    return this.#queue.size
  }

  /** Limited jobs that run in a slot. */
  running(slot: number): number {
    return this.#taken[slot]!.size
  }

  /** Another worker has taken the slot: what the one before still runs takes no place of it. */
  renew(slot: number): void {
    this.#taken[slot] = new Set()
  }

  /**
   * Would `submit` take such a job? Asked before the work of making it.
   * @throws QueueFullError, or why no worker will ever run it
   */
  check(job: Pick<Job, 'slot' | 'limited' | 'exempt'>): void {
    if (this.#choose(job) === undefined) this.#checkQueue(job)
  }

  /** Runs the job now, or queues it. @throws as `check` */
  submit(job: J): void {
    const slot = this.#choose(job)
    if (slot !== undefined) this.#run(slot, job)
    else {
      this.#checkQueue(job)
      this.#queue.push(job)
      this.#noteSize()
    }
  }

  /** A job that was run has been answered, or its worker has ended. */
  ended(slot: number, job: J): void {
    this.#taken[slot]!.delete(job)
    this.pump(slot)
  }

  /** Nobody wants this job any more. False if it runs already. */
  withdraw(job: J): boolean {
    if (!job.queued) return false
    this.#queue.remove(job)
    this.#noteSize()
    return true
  }

  /** A slot has room, or may have: runs what waits for it. */
  pump(slot: number): void {
    if (this.#queue.size === 0) return
    for (;;) {
      if (!this.#slots[slot]!.ready) break
      const job = this.#queue.take(slot, this.#fits(slot, true), this.#fits(slot, false))
      if (job === undefined) break
      this.#run(slot, job)
    }
    this.#noteSize()
  }

  /** A slot is down: nobody else may run what was meant for it; and if all are, nobody runs anything. */
  slotDown(slot: number): void {
    const error = this.#slots[slot]!.down!
    const all = this.#slots.every(({ down }) => down !== undefined)
    this.rejectQueued(error, all ? undefined : slot)
  }

  rejectQueued(error: Error, slot?: number): void {
    const jobs = this.#queue.clear(slot)
    this.#noteSize()
    for (const job of jobs) job.reject(error)
  }

  #fits(slot: number, limited: boolean): boolean {
    return limited
      ? this.#taken[slot]!.size < this.#limits.concurrency
      : this.#slots[slot]!.busy < this.#limits.window
  }

  /** The least busy slot that can run the job now, then the one with fewest objects; the first of equals, whose caches are warm. */
  #choose({ slot: only, limited }: Pick<Job, 'slot' | 'limited'>): number | undefined {
    const slots = this.#slots
    let best: number | undefined
    let least = Infinity
    let fewest = Infinity
    const first = only ?? 0
    const last = only ?? slots.length - 1
    for (let at = first; at <= last; at++) {
      const slot = slots[at]!
      if (!slot.ready || !this.#fits(at, limited)) continue
      const { busy, objects } = slot
      if (busy > least || (busy === least && objects >= fewest)) continue
      best = at
      least = busy
      fewest = objects
    }
    return best
  }

  #checkQueue({ slot, exempt }: Pick<Job, 'slot' | 'exempt'>): void {
    const downs = slot === undefined ? this.#slots : [this.#slots[slot]!]
    if (downs.every(({ down }) => down !== undefined)) throw downs[0]!.down
    if (!exempt && this.#queue.counted >= this.#limits.maxQueue)
      throw new QueueFullError(this.#limits.maxQueue)
  }

  #run(slot: number, job: J): void {
    if (job.limited) this.#taken[slot]!.add(job)
    this.#slots[slot]!.run(job)
  }

  #noteSize(): void {
    const waiting = this.#queue.size > 0
    if (waiting === this.#waiting) return
    this.#waiting = waiting
    this.#events.waiting(waiting)
  }
}

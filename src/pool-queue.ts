// Jobs that wait for a worker, first come first served. A worker is chosen when one is free, not when the call is made,
// so that a slow call holds up nobody who could have gone elsewhere.

/** What the queue knows of a job. */
export interface Queued {
  /** The only slot that may run it; undefined: any. */
  readonly slot: number | undefined
  /** It needs a place of its own in the worker, of which there are `concurrency`. */
  readonly limited: boolean
  /** It is not counted by `maxQueue`, because whoever made it limits itself. */
  readonly exempt: boolean
  /** Order of arrival; set by the queue. */
  order: number
  /** It is in the queue; set by the queue. */
  queued: boolean
}

/**
 * Taking from the front costs the same however many follow. What was removed is let go as soon as nothing before it waits:
 * a job refers to its result.
 */
class Fifo<J extends Queued> {
  /** Up to `#first`, they are undefined. */
  #jobs: (J | undefined)[] = []
  #first = 0

  push(job: J): void {
    this.#jobs.push(job)
  }

  /** The oldest, which stays. */
  peek(): J | undefined {
    return this.#jobs[this.#first]
  }

  /** Lets go of jobs at the front that are no longer queued. */
  trim(): void {
    const jobs = this.#jobs
    while (this.#first < jobs.length && !jobs[this.#first]!.queued) jobs[this.#first++] = undefined
    if (this.#first === jobs.length || (this.#first >= 1024 && this.#first * 2 >= jobs.length)) {
      this.#jobs = jobs.slice(this.#first)
      this.#first = 0
    }
  }

  all(): J[] {
    return this.#jobs.slice(this.#first).filter((job): job is J => job!.queued)
  }
}

/** Jobs that need a place, and jobs that do not: neither waits behind the other. */
class Lane<J extends Queued> {
  readonly limited = new Fifo<J>()
  readonly unlimited = new Fifo<J>()

  of(job: Queued): Fifo<J> {
    return job.limited ? this.limited : this.unlimited
  }
}

export class JobQueue<J extends Queued> {
  readonly #shared = new Lane<J>()
  readonly #own: Lane<J>[]
  #arrivals = 0
  #size = 0
  #exempt = 0

  constructor(slots: number) {
    this.#own = Array.from({ length: slots }, () => new Lane<J>())
  }

  get size(): number {
    return this.#size
  }

  /** Jobs that `maxQueue` limits. */
  get counted(): number {
    return this.#size - this.#exempt
  }

  push(job: J): void {
    job.order = ++this.#arrivals
    job.queued = true
    this.#size++
    if (job.exempt) this.#exempt++
    this.#fifoOf(job).push(job)
  }

  /** The job that has waited longest of those that this slot may run now. */
  take(slot: number, limited: boolean, unlimited: boolean): J | undefined {
    let oldest: J | undefined
    const look = (fifo: Fifo<J>) => {
      const job = fifo.peek()
      if (job !== undefined && (oldest === undefined || job.order < oldest.order)) oldest = job
    }
    for (const lane of [this.#shared, this.#own[slot]!]) {
      if (limited) look(lane.limited)
      if (unlimited) look(lane.unlimited)
    }
    if (oldest !== undefined) this.remove(oldest)
    return oldest
  }

  remove(job: J): void {
    if (!job.queued) return
    job.queued = false
    this.#size--
    if (job.exempt) this.#exempt--
    this.#fifoOf(job).trim()
  }

  #fifoOf(job: J): Fifo<J> {
    const lane = job.slot === undefined ? this.#shared : this.#own[job.slot]!
    return lane.of(job)
  }

  /** Removes and gives all jobs, or those that only this slot may run, oldest first. */
  clear(slot?: number): J[] {
    const lanes = slot === undefined ? [this.#shared, ...this.#own] : [this.#own[slot]!]
    const jobs = lanes.flatMap(({ limited, unlimited }) => [...limited.all(), ...unlimited.all()])
    for (const job of jobs) this.remove(job)
    return jobs.sort((a, b) => a.order - b.order)
  }
}

// A call of a pool: it waits in Node until a worker has room, and is that worker's then.
import type { Calls } from './calls.js'
import type { Grades } from './interruption.js'
import { ItemQueue } from './item-stream.js'
import type { Reply } from './pending.js'
import type { Request } from './request.js'
import type { Job } from './scheduler.js'

export interface JobEvents {
  /** The worker is done with it, or gone. */
  freed(job: PoolJob): void
  /** A result, and for how many nanoseconds the function ran. */
  answered(job: PoolJob, elapsed: number): void
}

export class PoolJob implements Job, Reply {
  order = 0
  queued = false
  readonly slot: number | undefined
  readonly limited: boolean
  readonly exempt: boolean
  /** By performance.now(). */
  readonly called = performance.now()
  sent = 0
  settled = false
  /** Where it runs; undefined also for a call that no slot was asked for. */
  runsIn: number | undefined
  /** Stops the timer and the listener of its options. */
  settle: (() => void) | undefined
  progress?: (fraction: number, text: string | undefined) => void
  readonly #request: Request
  readonly #outcome: Reply
  readonly #events: JobEvents
  /** It waits, and its tensors must live until it is sent. */
  #held = false
  #calls: Calls | undefined
  #id = 0

  constructor(
    request: Request,
    outcome: Reply,
    place: {
      readonly slot: number | undefined
      readonly limited: boolean
      readonly exempt: boolean
    },
    events: JobEvents,
  ) {
    this.#request = request
    this.#outcome = outcome
    this.slot = place.slot
    this.limited = place.limited
    this.exempt = place.exempt
    this.#events = events
    if (outcome.progress !== undefined) this.progress = outcome.progress
  }

  get name(): string {
    return this.#request.name
  }

  /** It has to wait. */
  hold(): void {
    this.#held = true
    this.#request.attachments.hold()
  }

  /** @param slot undefined: the worker is given, whatever it does */
  begin(calls: Calls, slot: number | undefined): void {
    this.sent = performance.now()
    this.runsIn = slot
    this.#calls = calls
    try {
      this.#id = calls.begin(this.#request, this, this.exempt)
    } catch (error) {
      // The scheduler is in the middle of handing it out.
      queueMicrotask(() => this.freed())
      this.reject(error)
      return
    } finally {
      this.#release()
    }
    if (!(this.#outcome instanceof ItemQueue)) return
    const lane = calls.lane(this.#id)
    const close = () => {
      this.#end() // nobody is answered who would end it
      lane.close()
    }
    this.#outcome.attach({ ...lane, close })
  }

  /** Nobody waits for it any more. */
  giveUp(error: Error, grades: Grades | undefined): void {
    if (this.settled) return
    if (this.#calls === undefined) this.reject(error)
    else this.#calls.abandon(this.#id, error, grades)
  }

  resolve(value: unknown, elapsed?: number): void {
    this.#end()
    if (elapsed !== undefined) this.#events.answered(this, elapsed)
    this.#outcome.resolve(value)
  }

  /** Also of a job that was never sent. */
  reject(error: unknown, words?: unknown): void {
    this.#end()
    this.#release()
    this.#outcome.reject(error, words)
    if (this.#calls === undefined) this.#outcome.freed?.()
  }

  item(value: unknown, bytes: number): void {
    this.#outcome.item?.(value, bytes)
  }

  freed(): void {
    this.#events.freed(this)
    this.#outcome.freed?.()
  }

  #end(): void {
    this.settled = true
    this.settle?.()
  }

  #release(): void {
    if (!this.#held) return
    this.#held = false
    this.#request.attachments.release()
  }
}

// When a worker that has ended is started again: later and later, and not for ever.

export interface RestartOptions {
  /** Restarts in a row after which the worker stays down. Default 10. */
  readonly limit?: number
  /** Milliseconds that a worker must have run for its end not to count as one in a row. Default 10,000. */
  readonly window?: number
  /** Milliseconds before the first restart; each further one in a row waits twice as long, give or take a quarter. Default 100. */
  readonly delay?: number
  /** The longest wait, in milliseconds. Default 10,000. */
  readonly maxDelay?: number
}

export type ResolvedRestart = Required<RestartOptions>

export const restartDefaults: ResolvedRestart = {
  limit: 10,
  window: 10_000,
  delay: 100,
  maxDelay: 10_000,
}

/** What a timer can wait. */
const longest = 2 ** 31 - 1

export class RestartPolicy {
  readonly #options: ResolvedRestart
  readonly #random: () => number
  /** Restarts since a worker last ran for long enough. */
  attempt = 0

  constructor(options: ResolvedRestart, random: () => number = Math.random) {
    this.#options = options
    this.#random = random
  }

  /**
   * A worker has ended. Milliseconds until the next is started; undefined: the limit is reached.
   * @param ran milliseconds for which it was ready; 0 if it never was
   */
  next(ran: number): number | undefined {
    const { limit, window, delay, maxDelay } = this.#options
    if (ran >= window) this.attempt = 0
    if (this.attempt >= limit) return undefined
    const wait = Math.min(maxDelay, delay * 2 ** Math.min(this.attempt, 31))
    this.attempt++
    // Workers that died together are not all started in the same moment.
    return Math.min(longest, wait * (0.75 + 0.5 * this.#random()))
  }

  reset(): void {
    this.attempt = 0
  }
}

// How long a small call takes while everything else is going on.
//
// Calls are due at fixed times, and are made then, whether or not earlier ones were answered. One that could not be made
// in time, because the event loop was busy, counts from when it was due: otherwise the slowest moments would be those
// with the fewest samples.
import { Histogram } from '../../bench/histogram.js'
import type { Py } from './target.js'

/** Milliseconds from one call to the next. */
const every = 5

export interface Window {
  /** Seconds since the start, at the end of the window. */
  readonly at: number
  readonly count: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

export class Prober {
  readonly windows: Window[] = []
  /** Over the whole run. */
  readonly all = new Histogram()
  readonly #py: Py
  readonly #fail: (message: string) => void
  #histogram = new Histogram()
  readonly #pending = new Set<Promise<void>>()
  readonly #timer: NodeJS.Timeout
  #due: number

  constructor(py: Py, fail: (message: string) => void) {
    this.#py = py
    this.#fail = fail
    this.#due = performance.now()
    this.#timer = setInterval(() => this.#tick(), every)
  }

  #tick(): void {
    const now = performance.now()
    for (; this.#due <= now; this.#due += every) {
      const late = now - this.#due > every
      const call = this.#probe(late ? this.#due : now)
      this.#pending.add(call)
      void call.then(() => this.#pending.delete(call))
    }
  }

  async #probe(start: number): Promise<void> {
    try {
      const answer = await this.#py.call('double', 21)
      if (answer !== 42) this.#fail(`a small call gave ${answer}`)
      const ms = performance.now() - start
      this.#histogram.recordMs(ms)
      this.all.recordMs(ms)
    } catch (error) {
      this.#fail(`a small call: ${error}`)
    }
  }

  /** Ends a window. */
  next(at: number): void {
    const histogram = this.#histogram
    this.#histogram = new Histogram()
    if (histogram.count === 0) return
    const ms = (share: number) => histogram.percentile(share) / 1e6
    this.windows.push({
      at,
      count: histogram.count,
      p50: ms(0.5),
      p99: ms(0.99),
      p999: ms(0.999),
      max: histogram.max / 1e6,
    })
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#pending)
  }
}

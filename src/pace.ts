// Whether a batch that is not full waits for one more item, though a worker is free. Times in milliseconds.
//
//   T(n) = fixed + item·n   what a batch of n costs: least squares over the batches answered, each counting 5 % less than
//                           the one after it
//   gap                     between two arrivals: a mean in which each counts an eighth of what is left
//   follows                 how often an arrival came within 2·gap of the last one, where that was asked
//
// k items that wait for one more arrival wait k·gap longer, all together; the one that joins them saves a run of its own,
// of which the fixed part is a loss for everybody. So they wait while
//
//   k·gap < follows·fixed,
//
// until `maxDelay` after the first of them or 2·gap after the last. A caller that awaits each call before the next has a
// gap of at least T(1), and is never held up; nor are several that wait for the same batch, because nobody follows.

/** The weight of what was known, when something is added. */
const decay = 0.95
const share = 1 / 8
/** Callers that stop coming are noticed after a few batches. */
const followsShare = 1 / 4

export class Pace {
  /** Sums over batches: weights, sizes, squares of sizes, times, products of both. */
  #weight = 0
  #sizes = 0
  #squares = 0
  #times = 0
  #products = 0
  #item = Infinity
  #gap = Infinity
  #last = -Infinity
  #follows = 1
  /** An arrival up to this time would follow; undefined: nobody asked. */
  #asked: number | undefined

  /** @param maxDelay that an item may wait for others while a worker is free */
  constructor(public maxDelay: number) {}

  /** What of T(n) does not depend on n; 0 as long as that is not known. */
  get fixed(): number {
    if (this.#weight === 0) return 0
    return Math.max(0, (this.#times - this.perItem * this.#sizes) / this.#weight)
  }

  /** What one more item costs. */
  get perItem(): number {
    return this.#weight === 0 ? 0 : Math.min(Math.max(0, this.#item), this.#times / this.#sizes)
  }

  /** An item has come. */
  arrived(now: number): void {
    if (this.#asked !== undefined) {
      this.#follows += ((now <= this.#asked ? 1 : 0) - this.#follows) * followsShare
      this.#asked = undefined
    }
    const gap = now - this.#last
    const mean = this.#weight === 0 ? 0 : this.#times / this.#weight
    // After a pause that is too long to wait for, nothing is known of what follows.
    if (gap > 2 * Math.max(this.maxDelay, mean)) this.#gap = Infinity
    else this.#gap = this.#gap === Infinity ? gap : this.#gap + (gap - this.#gap) * share
    this.#last = now
  }

  /** A batch has been answered. */
  measured(size: number, elapsed: number): void {
    this.#weight = this.#weight * decay + 1
    this.#sizes = this.#sizes * decay + size
    this.#squares = this.#squares * decay + size * size
    this.#times = this.#times * decay + elapsed
    this.#products = this.#products * decay + size * elapsed
    const mean = this.#sizes / this.#weight
    const variance = this.#squares / this.#weight - mean * mean
    // Batches of nearly the same size say nothing of the slope: what was known of it stays.
    if (variance * 64 < mean * mean) return
    const covariance = this.#products / this.#weight - (mean * this.#times) / this.#weight
    this.#item = covariance / variance
  }

  /**
   * @param waiting items of the batch
   * @param first,last when the first and the last of them came
   * @returns how much longer they may wait; 0 or less: they go now
   */
  wait(waiting: number, first: number, last: number, now: number): number {
    const { fixed } = this
    const lost = waiting * this.#gap
    if (lost >= fixed) return 0
    const until = last + 2 * this.#gap
    this.#asked ??= until
    if (lost >= this.#follows * fixed) return 0
    return Math.min(first + this.maxDelay, until) - now
  }
}

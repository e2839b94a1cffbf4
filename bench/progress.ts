// A progress bar with the time left, on a terminal; a line per cell elsewhere.
import type { Cell } from './cases/case.js'
import { bytes, duration } from './format.js'
import type { Step } from './plan.js'

const kWidth = 24

export const nameOf = (cell: Cell): string =>
  [cell.case, cell.contender, cell.bytes ? bytes(cell.bytes) : ''].filter(Boolean).join(' · ')

/**
 * The time left of a run. A cell that has run takes as long as it took; one that has not, as long as was estimated,
 * corrected by how far the estimates were off so far.
 */
export class TimeLeft {
  readonly #steps: readonly Step[]
  readonly #estimate: (cell: Cell) => number
  readonly #seen = new Map<string, number>()
  #done = 0
  #took = 0
  #expected = 0

  constructor(steps: readonly Step[], estimate: (cell: Cell) => number) {
    this.#steps = steps
    this.#estimate = estimate
  }

  /** The next step has ended; it took so long, or nothing because it was skipped. */
  ended(ms: number): void {
    const { cell } = this.#steps[this.#done++]!
    const name = nameOf(cell)
    if (!this.#seen.has(name) && ms > 0) {
      this.#took += ms
      this.#expected += this.#estimate(cell)
    }
    this.#seen.set(name, ms)
  }

  get ms(): number {
    const correction = this.#took > 0 && this.#expected > 0 ? this.#took / this.#expected : 1
    return this.#steps
      .slice(this.#done)
      .map(({ cell }) => this.#seen.get(nameOf(cell)) ?? this.#estimate(cell) * correction)
      .reduce((sum, ms) => sum + ms, 0)
  }
}

export class Progress {
  readonly #total: number
  readonly #left: TimeLeft
  readonly #start = performance.now()
  readonly #stream = process.stderr
  #began = 0
  #done = 0

  constructor(steps: readonly Step[], estimate: (cell: Cell) => number) {
    this.#total = steps.length
    this.#left = new TimeLeft(steps, estimate)
  }

  begin(cell: Cell): void {
    this.#began = performance.now()
    const name = nameOf(cell)
    if (!this.#stream.isTTY) {
      this.#stream.write(`${this.#done + 1}/${this.#total} ${name}\n`)
      return
    }
    const elapsed = this.#began - this.#start
    const filled = Math.round((elapsed / (elapsed + this.#left.ms)) * kWidth)
    const bar = '█'.repeat(filled) + '░'.repeat(kWidth - filled)
    const line = `${bar} ${this.#done}/${this.#total} · ${duration(this.#left.ms)} left · ${name}`
    this.#stream.write(`\r\x1b[K${line.slice(0, (this.#stream.columns ?? 80) - 1)}`)
  }

  end(skipped: boolean): void {
    this.#left.ended(skipped ? 0 : performance.now() - this.#began)
    this.#done++
  }

  close(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\x1b[K')
  }
}

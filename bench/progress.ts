// A progress bar with the time left, on a terminal; a line per cell elsewhere.
import type { Cell } from './cases/case.js'
import { bytes, duration } from './format.js'

const kWidth = 24

export class Progress {
  #done = 0
  readonly #total: number
  readonly #start = performance.now()
  readonly #stream = process.stderr

  constructor(total: number) {
    this.#total = total
  }

  begin(cell: Cell): void {
    const name = [cell.case, cell.contender, cell.bytes ? bytes(cell.bytes) : '']
      .filter(Boolean)
      .join(' · ')
    if (!this.#stream.isTTY) {
      this.#stream.write(`${this.#done + 1}/${this.#total} ${name}\n`)
      return
    }
    const share = this.#done / this.#total
    const filled = Math.round(share * kWidth)
    const bar = '█'.repeat(filled) + '░'.repeat(kWidth - filled)
    const line = `${bar} ${this.#done}/${this.#total} ${this.#left()} ${name}`
    this.#stream.write(`\r\x1b[K${line.slice(0, (this.#stream.columns ?? 80) - 1)}`)
  }

  #left(): string {
    if (this.#done < 3) return ''
    const elapsed = performance.now() - this.#start
    return `${duration((elapsed / this.#done) * (this.#total - this.#done))} left ·`
  }

  end(): void {
    this.#done++
  }

  close(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\x1b[K')
  }
}

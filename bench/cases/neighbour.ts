// Calls that go on while something happens to another: their results must stay right.
import type { Callers } from 'isthmus'
import { WrongValueError } from '../contender.js'

const kSteps = 20_000 // about a millisecond of Python

/** Calls `checksum` again and again until it is told to stop. */
export class Neighbour {
  calls = 0
  #stopped = false
  readonly #done: Promise<void>

  constructor(py: Callers) {
    this.#done = this.#run(py)
    this.#done.catch(() => undefined) // told by stop()
  }

  async #run(py: Callers): Promise<void> {
    while (!this.#stopped) {
      const n = kSteps + (this.calls++ % 100)
      const seen = await py.call('checksum', n)
      WrongValueError.unless(seen === (n * (n - 1)) / 2, `checksum(${n})`, seen, (n * (n - 1)) / 2)
    }
  }

  /** Rejects if any of its calls did, or answered wrongly. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
  }
}

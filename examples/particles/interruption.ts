import { constants } from 'node:os'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** Hears the first Ctrl-C or SIGTERM, so that a run can end in order. The second one ends the process. */
export class Interruption implements Disposable {
  /** What came, if anything has. */
  signal: (typeof SIGNALS)[number] | undefined
  readonly #heard = (signal: NodeJS.Signals) => {
    this.signal = SIGNALS.find(each => each === signal)
    this[Symbol.dispose]()
  }

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#heard)
  }

  /** As a shell reports it: 130 or 143, and 0 if nothing came. */
  get exitCode(): number {
    return this.signal ? 128 + constants.signals[this.signal] : 0
  }

  /** Signals do again what they do without a listener. */
  [Symbol.dispose](): void {
    for (const signal of SIGNALS) process.off(signal, this.#heard)
  }
}

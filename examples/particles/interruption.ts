import { constants } from 'node:os'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Hears Ctrl-C, SIGTERM, and that the terminal was closed, so that a run can end in order. A Ctrl-C after that ends the
 * process. The other two often come twice, to the process group and passed on by npm.
 */
export class Interruption implements Disposable {
  /** What came, if anything has. */
  signal: (typeof SIGNALS)[number] | undefined
  readonly #heard = (signal: NodeJS.Signals) => {
    this.signal ??= SIGNALS.find(each => each === signal)
    process.off('SIGINT', this.#heard)
  }

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#heard)
  }

  /** As a shell reports it: 130, 143 or 129, and 0 if nothing came. */
  get exitCode(): number {
    return this.signal ? 128 + constants.signals[this.signal] : 0
  }

  /** Signals do again what they do without a listener. */
  [Symbol.dispose](): void {
    for (const signal of SIGNALS) process.off(signal, this.#heard)
  }
}

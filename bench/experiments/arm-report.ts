// What an arm written for Node reports: moments on the clock that all processes share, labels, figures.
import { writeFileSync } from 'node:fs'

export class ArmReport {
  readonly #marks: Record<string, number> = {}
  readonly #figures: Record<string, number> = {}

  /** Only the first time counts: `mark('first')` may stand in a loop. */
  mark(name: 'ready' | 'first' | 'last'): void {
    this.#marks[name] ??= Number(process.hrtime.bigint()) // CLOCK_MONOTONIC, as in Python
  }

  figure(name: string, value: number): void {
    this.#figures[name] = value
  }

  write(labels: readonly string[]): void {
    const file = process.env.ISTHMUS_ARM_REPORT
    if (file === undefined) throw new Error('ISTHMUS_ARM_REPORT does not say where to report')
    writeFileSync(file, JSON.stringify({ marks: this.#marks, labels, figures: this.#figures }))
  }
}

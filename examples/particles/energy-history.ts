import type { Energies } from './simulation.js'

/** The energies after a step. */
export interface Sample {
  step: number
  kinetic: number
  potential: number
}

/** What a history is written as. */
export interface KeptHistory {
  stride: number
  samples: Sample[]
}

/** As many samples are kept: more than a chart has pixels, whatever the number of steps. */
const MOST = 1600

/** The energies of a run: of every step at first, and of every second, fourth, … as the run gets longer. */
export class EnergyHistory {
  #stride: number
  #samples: Sample[]
  #last: Sample | undefined

  constructor({ stride, samples }: KeptHistory = { stride: 1, samples: [] }) {
    this.#stride = stride
    this.#samples = [...samples]
    this.#last = samples.at(-1)
  }

  add(step: number, { kinetic, potential }: Energies): void {
    this.#last = { step, kinetic, potential }
    if (step % this.#stride !== 0) return
    this.#samples.push(this.#last)
    if (this.#samples.length < MOST) return
    this.#stride *= 2
    this.#samples = this.#samples.filter(sample => sample.step % this.#stride === 0)
  }

  /** In order, from the start to the last step. */
  get samples(): readonly Sample[] {
    const last = this.#last
    return !last || this.#samples.at(-1) === last ? this.#samples : [...this.#samples, last]
  }

  /** The total energy after the last step against that of the start, relative. */
  get drift(): number {
    const [start] = this.#samples
    return start && this.#last ? total(this.#last) / total(start) - 1 : 0
  }

  toJSON(): KeptHistory {
    return { stride: this.#stride, samples: this.#samples }
  }
}

export const total = ({ kinetic, potential }: Pick<Sample, 'kinetic' | 'potential'>): number =>
  kinetic + potential

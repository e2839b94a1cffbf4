// The energies of a run in bounded memory: when there are too many points, every second one goes.
import type { EnergyPoint } from './page/protocol.js'

const mostPoints = 600

export class EnergyHistory {
  #points: EnergyPoint[]
  /** Every how many steps a point is kept. */
  #stride = 1
  #skipped = 0

  constructor(first: EnergyPoint) {
    this.#points = [first]
  }

  get points(): readonly EnergyPoint[] {
    return this.#points
  }

  add(point: EnergyPoint): void {
    if (++this.#skipped < this.#stride) return
    this.#skipped = 0
    this.#points.push(point)
    if (this.#points.length <= mostPoints) return
    this.#points = this.#points.filter((_, at) => at % 2 === 0)
    this.#stride *= 2
  }
}

// Kinetic, potential and total energy per particle over time.
import uPlot from 'uplot'
import { element, setText } from './elements.js'
import type { EnergyPoint } from './protocol.js'

/** More points than this are halved: every second one goes. */
const mostPoints = 1200
const height = 190

type Columns = [time: number[], total: number[], kinetic: number[], potential: number[]]

export class EnergyPlot {
  readonly #place = element('energy', HTMLElement)
  readonly #data: Columns = [[], [], [], []]
  #plot: uPlot
  /** Every how many points one is kept. */
  #stride = 1
  #skipped = 0
  /** The total that drift is measured against. */
  #base: number | undefined

  constructor() {
    this.#plot = this.#made()
    new ResizeObserver(() =>
      this.#plot.setSize({ width: this.#place.clientWidth, height }),
    ).observe(this.#place)
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#plot.destroy()
      this.#plot = this.#made()
    })
  }

  begin(points: readonly EnergyPoint[], particles: number): void {
    for (const column of this.#data) column.length = 0
    this.#stride = 1
    this.#base = undefined
    for (const point of points) this.#push(point, particles)
    this.#base = this.#data[1][0]
    this.#plot.setData(this.#data)
  }

  /** Somebody has changed the energy: drift is counted from the next point. */
  rebase(): void {
    this.#base = undefined
  }

  add(point: EnergyPoint, particles: number): void {
    if (point.time <= (this.#data[0].at(-1) ?? -1)) return
    if (++this.#skipped < this.#stride) return
    this.#skipped = 0
    this.#push(point, particles)
    this.#plot.setData(this.#data)
    const total = this.#data[1].at(-1)!
    this.#base ??= total
    setText(
      'energy-text',
      `total ${total.toPrecision(5)}, drift ${percent(total / this.#base - 1)}`,
    )
  }

  #push({ time, kinetic, potential }: EnergyPoint, particles: number): void {
    const [times, totals, kinetics, potentials] = this.#data
    times.push(time)
    totals.push((kinetic + potential) / particles)
    kinetics.push(kinetic / particles)
    potentials.push(potential / particles)
    if (this.#data[0].length <= mostPoints) return
    for (const column of this.#data) column.splice(0, mostPoints + 1, ...everySecond(column))
    this.#stride *= 2
  }

  #made(): uPlot {
    const style = getComputedStyle(document.documentElement)
    const colour = (name: string) => style.getPropertyValue(`--${name}`).trim()
    const line = (label: string, dash?: number[]): uPlot.Series => ({
      label,
      stroke: colour(label),
      width: 2,
      ...(dash && { dash }),
      points: { show: false },
      value: (_, value) => value?.toPrecision(4) ?? '–',
    })
    const axis: uPlot.Axis = {
      stroke: colour('quiet'),
      grid: { stroke: colour('edge'), width: 1 },
      ticks: { stroke: colour('edge'), width: 1 },
    }
    const options: uPlot.Options = {
      width: this.#place.clientWidth,
      height,
      scales: { x: { time: false }, y: { range: (_, __, most) => [0, (most || 1) * 1.08] } },
      series: [
        { label: 'time', value: (_, value) => value?.toFixed(1) ?? '–' },
        line('total'),
        line('kinetic', [7, 4]),
        line('potential', [2, 3]),
      ],
      axes: [axis, { ...axis, size: 56 }],
      cursor: { y: false },
    }
    return new uPlot(options, this.#data, this.#place)
  }
}

const everySecond = (values: readonly number[]) => values.filter((_, at) => at % 2 === 0)

function percent(share: number): string {
  const digits = Math.abs(100 * share).toFixed(2)
  return digits === '0.00' ? '0 %' : `${share < 0 ? '−' : '+'}${digits} %`
}

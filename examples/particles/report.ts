import { createHistogram } from 'node:perf_hooks'
import type { Energies } from './simulation.js'

/** What the bridge counts. */
export interface Traffic {
  sharedBytes: number
  copiedBytes: number
}

export interface Report {
  particles: number
  steps: number
  seconds: number
  stepsPerSecond: number
  pythonSeconds: number
  /** A step's round trip minus the time that Python says it took. */
  crossing: { seconds: number; p50Microseconds: number; p99Microseconds: number }
  sharedBytes: number
  copiedBytes: number
  /** Total energy at the end against the start, relative. */
  energyDrift: number
}

/** Collects what each step cost and what energy it left. */
export class Measurements {
  /** Total energy after the start and after each step; see {@link energyChart}. */
  readonly history: Energies[]
  readonly #crossing = createHistogram()
  readonly #started = performance.now()
  #pythonSeconds = 0
  #crossingSeconds = 0

  constructor(start: Energies) {
    this.history = [start]
  }

  add(energies: Energies, roundTripSeconds: number): void {
    const crossing = roundTripSeconds - energies.seconds
    this.#crossing.record(Math.max(1, Math.round(crossing * 1e9)))
    this.#crossingSeconds += crossing
    this.#pythonSeconds += energies.seconds
    this.history.push(energies)
  }

  report(particles: number, traffic: Traffic): Report {
    const seconds = (performance.now() - this.#started) / 1000
    const steps = this.history.length - 1
    return {
      particles,
      steps,
      seconds,
      stepsPerSecond: steps / seconds,
      pythonSeconds: this.#pythonSeconds,
      crossing: {
        seconds: this.#crossingSeconds,
        p50Microseconds: this.#crossing.percentile(50) / 1000,
        p99Microseconds: this.#crossing.percentile(99) / 1000,
      },
      sharedBytes: traffic.sharedBytes,
      copiedBytes: traffic.copiedBytes,
      energyDrift: total(this.history.at(-1)) / total(this.history[0]) - 1,
    }
  }
}

export function total(energies: Energies | undefined): number {
  return energies ? energies.kinetic + energies.potential : Number.NaN
}

export function formatReport(report: Report): string {
  const { crossing, seconds } = report
  const share = (part: number) =>
    `${((100 * part) / seconds).toFixed(part < seconds / 50 ? 2 : 1)} %`
  const rows = [
    ['particles', grouped(report.particles)],
    ['steps', `${grouped(report.steps)} in ${seconds.toFixed(1)} s`],
    ['steps/s', report.stepsPerSecond.toPrecision(3)],
    ['time in Python', `${report.pythonSeconds.toFixed(2)} s (${share(report.pythonSeconds)})`],
    [
      'time crossing',
      `${crossing.seconds.toFixed(3)} s (${share(crossing.seconds)}), ` +
        `p50 ${crossing.p50Microseconds.toFixed(1)} us, p99 ${crossing.p99Microseconds.toFixed(1)} us`,
    ],
    ['bytes by reference', grouped(report.sharedBytes)],
    ['bytes copied', grouped(report.copiedBytes)],
    ['energy drift', formatDrift(report.energyDrift)],
  ]
  return rows.map(([name, value]) => `${name?.padEnd(20)}${value}`).join('\n')
}

export const formatDrift = (drift: number) => drift.toExponential(1)

export const grouped = (count: number) => count.toLocaleString('en-US')

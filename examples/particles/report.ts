import type { SimulationStats } from './simulation.js'

export interface Report {
  particles: number
  workers: number
  /** Steps of this process; a resumed run has done more. */
  steps: number
  /** The step that the state is at. */
  step: number
  seconds: number
  stepsPerSecond: number
  /** Of the slowest worker in each step. */
  pythonSeconds: number
  /** A step's round trip minus the time that Python says it took. */
  crossing: SimulationStats['crossing']
  sharedBytes: number
  copiedBytes: number
  /** Total energy at the end against the start, relative. */
  energyDrift: number
  /** The signal that ended the run before its last step. */
  interrupted: string | null
  /** The step that can be resumed from, in which folder, and the states that this process has written there. */
  saved: { folder: string; step: number; states: number } | null
  /** The pictures. */
  files: string[]
}

export function formatReport(report: Report): string {
  const { crossing, seconds, interrupted, saved } = report
  const share = (part: number) =>
    `${((100 * part) / seconds).toFixed(part < seconds / 50 ? 2 : 1)} %`
  const resumed = report.step > report.steps ? `, from ${grouped(report.step - report.steps)}` : ''
  const ended = interrupted ? `, ended by ${interrupted} at ${grouped(report.step)}` : ''
  const rows = [
    ['particles', grouped(report.particles)],
    ['steps', `${grouped(report.steps)}${resumed} in ${seconds.toFixed(1)} s${ended}`],
    ['steps/s', report.stepsPerSecond.toPrecision(3)],
    ['workers', grouped(report.workers)],
    ['time in Python', `${report.pythonSeconds.toFixed(2)} s (${share(report.pythonSeconds)})`],
    [
      'time crossing',
      `${crossing.seconds.toFixed(3)} s (${share(crossing.seconds)}), ` +
        `p50 ${crossing.p50Microseconds.toFixed(1)} us, p99 ${crossing.p99Microseconds.toFixed(1)} us`,
    ],
    ['bytes by reference', grouped(report.sharedBytes)],
    ['bytes copied', grouped(report.copiedBytes)],
    ['energy drift', formatDrift(report.energyDrift)],
    ...(saved ? [['saved', `step ${grouped(saved.step)} in ${saved.folder}`]] : []),
    ['pictures', report.files.join(', ')],
  ]
  return rows.map(([name, value]) => `${name?.padEnd(20)}${value}`).join('\n')
}

export const formatDrift = (drift: number) => drift.toExponential(1)

export const grouped = (count: number) => count.toLocaleString('en-US')

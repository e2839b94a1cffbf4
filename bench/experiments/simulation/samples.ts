// Many times of one run, and what is said of them: percentiles, as numpy.percentile has them.
import type { ArmReport } from '../arm-report.js'

/** Between two samples, in proportion. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = share * (sorted.length - 1)
  const below = sorted[Math.floor(at)] ?? NaN
  return below + (at % 1) * ((sorted[Math.ceil(at)] ?? NaN) - below)
}

/** Of microseconds. */
export function percentiles(report: ArmReport, name: string, times: readonly number[]): void {
  for (const share of [50, 90]) report.figure(`${name}.p${share}`, percentile(times, share / 100))
}

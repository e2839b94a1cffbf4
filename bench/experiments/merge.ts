// Several runs of an arm become one result.
import type { ArmRun } from './arm.js'

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

const kTimes = ['wall', 'ready', 'first', 'last'] as const

/** Medians; memory is that of the run that needed most. Times are of runs without it, if there are any. */
export function merged(runs: readonly ArmRun[]): ArmRun | undefined {
  const quiet = runs.filter(({ memory }) => !memory)
  const timed = quiet.length > 0 ? quiet : runs
  const one = timed[0]
  if (!one) return undefined
  const over = (value: (run: ArmRun) => number) => median(timed.map(value))
  const times = kTimes.filter(name => one[name] !== undefined)
  const watched = runs.flatMap(({ memory }) => memory ?? [])
  const most = watched.toSorted((a, b) => b.pss - a.pss)[0]
  return {
    ...one,
    ...Object.fromEntries(times.map(name => [name, over(run => run[name]!)])),
    cpu: over(run => run.cpu),
    ...(most && { memory: most }),
    figures: Object.fromEntries(
      Object.keys(one.figures).map(name => [name, over(run => run.figures[name] ?? NaN)]),
    ),
  }
}

/** How many labels differ; another number of them differs in all. */
export function differences(labels: readonly string[], reference: readonly string[]): number {
  if (labels.length !== reference.length) return Math.max(labels.length, reference.length)
  return labels.filter((label, at) => label !== reference[at]).length
}

// What experiment 3 must show. Each round gives one ratio of two arms, or one percentage; an interval is of these.
import { time, times } from '../../format.js'
import { type Ratio, ratioOf, studentT } from '../../statistics.js'
import type { ArmResult } from '../arm.js'
import type { Check, ExperimentResults } from '../experiment.js'
import { resultOf } from '../experiment.js'

export const driving = 'driving'
export const parallel = 'parallel'

const kOurs = ['isthmus', 'isthmus-kept']
const kHandWritten = ['shared-pipes', 'shared-semaphores']
const kPickled = ['pool-pickled', 'joblib-pickled']
const kSeveralTimes = 20
const kMostPercent = 2

const armOf = ({ arms }: ExperimentResults, name: string): ArmResult | undefined =>
  arms.find(arm => arm.name === name)

/** A figure of each round in which memory was not watched; of all, if there is no such round. */
function perRound(results: ExperimentResults, arm: string, figure: string): number[] {
  const runs = armOf(results, arm)?.runs ?? []
  const quiet = runs.filter(({ memory }) => !memory)
  return (quiet.length > 0 ? quiet : runs).map(({ figures }) => figures[figure] ?? NaN)
}

export interface Mean {
  readonly value: number
  /** Of 95 %; undefined after one round. */
  readonly half: number | undefined
}

/** Student's interval for the mean of what each round found. */
export function meanOf(values: readonly number[]): Mean {
  const n = values.length
  const value = values.reduce((sum, each) => sum + each, 0) / n
  if (n < 2) return { value, half: undefined }
  const variance = values.reduce((sum, each) => sum + (each - value) ** 2, 0) / (n - 1)
  return { value, half: studentT(n - 1) * Math.sqrt(variance / n) }
}

export const percentOf = (results: ExperimentResults, arm: string, figure: string): Mean =>
  meanOf(perRound(results, arm, figure))

export const showPercent = ({ value, half }: Mean): string =>
  `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(1)}${half === undefined ? '' : ` ± ${half.toFixed(1)}`} %`

function showRatio({ value, low, high }: Ratio): string {
  if (low === undefined || high === undefined) return times(value)
  return `${times(value)} (${times(low)} to ${times(high)})`
}

/** Of those that ran: whose figure is least. */
function least(
  results: ExperimentResults,
  names: readonly string[],
  figure: string,
): ArmResult | undefined {
  const value = ({ result }: ArmResult): number => result?.figures[figure] ?? Infinity
  return names
    .flatMap(name => armOf(results, name) ?? [])
    .filter(({ result }) => result !== undefined)
    .toSorted((a, b) => value(a) - value(b))[0]
}

const measures = [
  ['overhead of a step', '1000000.overhead.p50'],
  ['empty step', '1000000.empty.p50'],
] as const

/** How many times as long the best of some takes as the best of others, and whether that is enough. */
function compare(
  results: ExperimentResults,
  [what, figure]: (typeof measures)[number],
  [theirs, ours]: readonly [readonly string[], readonly string[]],
  wanted: number,
): readonly Check[] {
  const rival = least(results, theirs, figure)
  const own = least(results, ours, figure)
  if (!rival || !own) return []
  const ratio = ratioOf(perRound(results, rival.name, figure), perRound(results, own.name, figure))
  if (!ratio) return []
  const us = ({ result }: ArmResult) => time((result?.figures[figure] ?? NaN) * 1000)
  return [
    {
      claim: `${what}: ${rival.title} takes at least ${wanted === 1 ? 'as long' : `${wanted} × as long`}`,
      found: `${showRatio(ratio)}; ${us(rival)}, and ${us(own)} of ${own.title}`,
      met: ratio.value >= wanted,
    },
  ]
}

const sizes = [
  ['driving-1m', '1,000,000 particles'],
  ['driving-100k', '100,000 particles'],
] as const

function driven(results: ExperimentResults): readonly Check[] {
  return sizes.flatMap(([name, title]) => {
    const run = resultOf(results, name)
    if (!run) return []
    const percent = percentOf(results, name, 'driven.over')
    const control = percentOf(results, name, 'control.over')
    return [
      {
        claim: `${title}: driving from Node takes at most ${kMostPercent} % longer than plain Python`,
        found: `${showPercent(percent)}; control ${showPercent(control)}`,
        met: percent.value + (percent.half ?? 0) <= kMostPercent,
      },
      {
        claim: `${title}: no byte is copied`,
        found: `${run.figures.copied} bytes`,
        met: run.figures.copied === 0,
      },
    ]
  })
}

export function checks(results: ExperimentResults): readonly Check[] {
  const found = [...driven(results)]
  for (const measure of measures)
    for (const rival of kPickled)
      found.push(...compare(results, measure, [[rival], ['isthmus']], kSeveralTimes))
  for (const measure of measures) {
    found.push(...compare(results, measure, [['shared-pool'], ['isthmus']], 1))
    found.push(...compare(results, measure, [kHandWritten, kOurs], 1))
  }
  const compared = results.arms.filter(({ part }) => part === parallel)
  const exact = compared.filter(({ tolerance }) => tolerance === undefined)
  const near = compared.filter(({ tolerance }) => tolerance !== undefined)
  if (exact.length > 1)
    found.push({
      claim: 'all arms with numpy: the same positions and velocities, to the last bit',
      found: exact.every(({ different }) => different === 0) ? 'the same' : 'they differ',
      met: exact.every(({ different }) => different === 0),
    })
  if (near.length > 0)
    found.push({
      claim: `Numba: positions within ${near[0]!.tolerance} ranges of the force of those of numpy`,
      found: near
        .map(({ result }) => (result?.figures.difference ?? NaN).toPrecision(2))
        .join(', '),
      met: near.every(({ different }) => different === 0),
    })
  return found
}

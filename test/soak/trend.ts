// Does a series rise?
//
// The slope is the median of the slopes between all pairs of points, and its confidence interval follows from the
// distribution of Kendall's tau: P. K. Sen, Estimates of the Regression Coefficient Based on Kendall's Tau, Journal of
// the American Statistical Association 63 (1968), 1379-1389, equations 2.6 and 2.7; after H. Theil (1950). A third of the
// points may be anything without moving it far, so the saw of a garbage collector does no harm.
//
// The interval supposes that points do not depend on each other. Neighbouring seconds do, so the points are the medians
// of whole blocks of time.

import type { Series } from './series.js'

export interface Slope {
  /** Per unit of time. */
  readonly slope: number
  /** With 99.9 % confidence it is between these. */
  readonly low: number
  readonly high: number
}

export interface Point {
  readonly at: number
  readonly value: number
}

/**
 * Of the normal distribution: 99.9 % are within so many standard deviations. So high, because there are twenty series, and
 * hardly one of a hundred runs should find a trend that is not there.
 */
const deviations = 3.2905

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return sorted.length % 2 === 1
    ? sorted[Math.floor(middle)]!
    : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** undefined: too few points for an interval. */
export function slopeOf(points: readonly Point[]): Slope | undefined {
  const slopes: number[] = []
  for (const [first, a] of points.entries())
    for (const b of points.slice(first + 1)) slopes.push((b.value - a.value) / (b.at - a.at))
  slopes.sort((a, b) => a - b)
  const n = points.length
  const width = deviations * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18)
  const low = Math.floor((slopes.length - width) / 2)
  const high = Math.ceil((slopes.length + width) / 2)
  if (low < 0 || high >= slopes.length) return undefined
  return { slope: median(slopes), low: slopes[low]!, high: slopes[high]! }
}

/** Medians of blocks of so many seconds. */
export function blocks(points: readonly Point[], seconds: number): Point[] {
  const found = new Map<number, Point[]>()
  for (const point of points) {
    const block = Math.floor(point.at / seconds)
    found.set(block, [...(found.get(block) ?? []), point])
  }
  return [...found.values()].map(each => ({
    at: median(each.map(({ at }) => at)),
    value: median(each.map(({ value }) => value)),
  }))
}

/** So much of the start does not count: caches fill, pools of memory find their size. */
export const warmUp = 0.2

/** How many blocks what is judged is divided into. */
const blockCount = 48

export interface Verdict extends Slope {
  readonly key: string
  readonly name: string
  readonly unit: string
  /** The median of what was judged. */
  readonly typical: number
  /** Per hour, as `slope`, `low` and `high` are. */
  readonly allowed: number
  readonly rises: boolean
}

/**
 * A series rises if with 99.9 % confidence it grows by more than `allowed` in an hour: if the lower end of the interval is
 * above that.
 * @param points in seconds
 */
export function judge(
  { key, name, unit, allowed }: Series,
  points: readonly Point[],
): Verdict | undefined {
  const start = points.at(-1)!.at * warmUp
  const judged = points.filter(({ at }) => at >= start)
  const seconds = (judged.at(-1)!.at - start) / blockCount
  const slope = slopeOf(blocks(judged, Math.max(1, seconds)))
  if (slope === undefined) return undefined
  const perHour = (perSecond: number) => perSecond * 3600
  const low = perHour(slope.low)
  return {
    key,
    name,
    unit,
    allowed,
    typical: median(judged.map(({ value }) => value)),
    slope: perHour(slope.slope),
    low,
    high: perHour(slope.high),
    rises: low > allowed,
  }
}

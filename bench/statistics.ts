// Ratios of two contenders, with an interval.
//
// A round of a cell is a process of its own, and the rounds of two contenders that are compared lie next to each
// other. So each round gives one ratio, and these are the sample: calls within a process are not independent (they
// share its heap, its place in memory and its core), processes are. Ratios are multiplicative, so all is done with
// logarithms: the point is the geometric mean, and the interval is Student's for the mean of n logarithms,
// mean ± t(n − 1) · s / √n, turned back by exp().

/** Shares of t's distribution with 1, 2, … 30 degrees of freedom that lie within ± these values: 95 %.
 * NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2, column 0.975. */
const kQuantiles = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145,
  2.131, 2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048,
  2.045, 2.042,
]

/** What a value of the histogram may be off by. Two equal values may therefore differ by twice as much. */
const kResolution = 0.002

/** Between which −t and t 95 % of Student's distribution lie. Above 30 degrees of freedom, that of 30: a little wide. */
export function studentT(degrees: number): number {
  if (!(degrees >= 1)) throw new RangeError(`degrees of freedom: ${degrees}; needed: 1 or more`)
  return kQuantiles[Math.min(Math.floor(degrees), kQuantiles.length) - 1]!
}

export interface Ratio {
  /** Geometric mean of the rounds' ratios. */
  readonly value: number
  /** The interval of 95 %; undefined when there was one round only. */
  readonly low?: number
  readonly high?: number
  /** Half the interval's width in logarithms: it is value · exp(± width). Undefined as `low` is. */
  readonly width?: number
  readonly rounds: number
}

/** Of the rounds that both have, each value over that of the same round. Undefined when there is none. */
export function ratioOf(values: readonly number[], bases: readonly number[]): Ratio | undefined {
  const logs = values
    .slice(0, bases.length)
    .map((value, round) => Math.log(value / bases[round]!))
    .filter(Number.isFinite)
  const rounds = logs.length
  if (rounds === 0) return undefined
  const mean = logs.reduce((sum, log) => sum + log, 0) / rounds
  const value = Math.exp(mean)
  if (rounds === 1) return { value, rounds }
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (rounds - 1)
  const width = studentT(rounds - 1) * Math.sqrt(variance / rounds) + 2 * kResolution
  return { value, low: value * Math.exp(-width), high: value * Math.exp(width), width, rounds }
}

/**
 * Whether two runs' ratios agree: their distance is at most what two such intervals allow together. Errors of two
 * independent runs add as squares, so this is the interval of the difference, with the wider of the possible t.
 * Undefined when one of them has no interval.
 */
export function agree(a: Ratio, b: Ratio): boolean | undefined {
  if (a.width === undefined || b.width === undefined) return undefined
  return Math.abs(Math.log(a.value / b.value)) <= Math.hypot(a.width, b.width)
}

/** The value of which at least half are not above it, and at least half not below it. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? NaN
}

// One thing that the product promises, held against one run.
import { find, type Results } from './results.js'

export interface Check {
  readonly claim: string
  readonly target: string
  /** What was seen; undefined when the run did not measure it. */
  readonly seen: string | undefined
  readonly met: boolean | undefined
}

type Limit = readonly [sign: '≤' | '≥' | '<', value: number]

function holds([sign, value]: Limit, seen: number): boolean {
  if (sign === '≥') return seen >= value
  return sign === '<' ? seen < value : seen <= value
}

export function check(
  claim: string,
  limit: Limit,
  seen: number | undefined,
  show: (value: number) => string,
): Check {
  const target = `${limit[0]} ${show(limit[1])}`
  if (seen === undefined || !Number.isFinite(seen))
    return { claim, target, seen: undefined, met: undefined }
  return { claim, target, seen: show(seen), met: holds(limit, seen) }
}

/** Looks things up in one run; NaN for what was not measured. */
export interface Reading {
  p50(name: string, contender: string, size?: number): number
  max(name: string, contender: string, size?: number): number
  figure(figureName: string, name: string, contender: string, size?: number): number
}

export const readingOf = (results: Results): Reading => ({
  p50: (name, contender, size = 0) => find(results, name, contender, size)?.latency?.p50 ?? NaN,
  max: (name, contender, size = 0) => find(results, name, contender, size)?.latency?.max ?? NaN,
  figure: (figureName, name, contender, size = 0) =>
    find(results, name, contender, size)?.figures?.[figureName] ?? NaN,
})

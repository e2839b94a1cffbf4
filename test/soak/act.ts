// One thing that the load does, and the checks that its result is right.
import { inspect, isDeepStrictEqual } from 'node:util'
import type { Tensor } from 'isthmus'
import type { Random } from './random.js'
import type { Target, TargetName } from './target.js'

export interface Act {
  /** How often it is chosen, relative to the others. */
  readonly weight: number
  readonly on: readonly TargetName[]
  /** @throws Wrong */
  run(stage: Stage): Promise<void>
}

export interface Stage {
  readonly target: Target
  readonly random: Random
  /** Resolves when so many bytes may be in use; they are given back when the act ends. */
  room(bytes: number): Promise<void>
  /** Bytes of arrays that were checked. */
  moved(bytes: number): void
}

export type Doubles = Tensor<'float64'>

export class Wrong extends Error {
  override name = 'Wrong'
}

export function equal(what: string, found: unknown, wanted: unknown): void {
  if (!Object.is(found, wanted))
    throw new Wrong(`${what}: ${inspect(found)} instead of ${inspect(wanted)}`)
}

export function same(what: string, found: unknown, wanted: unknown): void {
  if (!isDeepStrictEqual(found, wanted))
    throw new Wrong(`${what}: ${inspect(found)} instead of ${inspect(wanted)}`)
}

/** The error that a promise rejects with; its code must be the wanted one. */
export async function rejects(
  what: string,
  code: string,
  promise: Promise<unknown>,
): Promise<Error> {
  const outcome = await promise.then(
    value => ({ value }),
    (error: Error & { code?: string }) => ({ error }),
  )
  if (!('error' in outcome)) throw new Wrong(`${what} gave ${inspect(outcome.value)}`)
  if (outcome.error.code !== code) throw outcome.error
  return outcome.error
}

/** Elements that are looked at one by one; of longer arrays, as many at random places, and both ends. */
const eachUpTo = 4096

/** Holds an array against start, start + step, start + 2 step … */
export function checkRamp(
  what: string,
  data: Float64Array,
  { start, step = 1, length }: { start: number; step?: number; length: number },
  random: Random,
): void {
  equal(`${what}.length`, data.length, length)
  if (length === 0) return
  const check = (at: number) => equal(`${what}[${at}]`, data[at], start + step * at)
  check(length - 1)
  if (length <= eachUpTo) for (let at = 0; at < length; at++) check(at)
  else for (let looks = 0; looks < eachUpTo; looks++) check(random.whole(0, length - 1))
}

/** What `look` of load.py gives for such an array: exact, because every partial sum is a whole number below 2^53. */
export const lookOf = (start: number, length: number): number[] =>
  length === 0
    ? [0, 0, 0, 0]
    : [length, start, start + length - 1, start * length + (length * (length - 1)) / 2]

export function fillRamp(data: Float64Array, start: number): void {
  for (let at = 0; at < data.length; at++) data[at] = start + at
}

/** Gives a tensor up in one of the three ways; the garbage collector gets small ones only. */
export function giveUp(tensor: Tensor, random: Random): void {
  if (random.chance(0.1) && tensor.byteLength <= 2 ** 20) return
  if (random.chance(0.2)) tensor.release()
  else tensor.dispose()
}

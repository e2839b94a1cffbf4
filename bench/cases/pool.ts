// A pool of 1, 2 and 4 workers: small calls, and calls that compute for about a millisecond.
import type { Pool } from 'isthmus'
import { WrongValueError } from '../contender.js'
import type { Case, CellContext, Measured } from './case.js'
import { openPool } from './concurrency.js'
import { warmUpLanes } from './warm-up.js'

const kCallers = 64
const kCallersPerWorker = 2
const kSteps = 20_000 // about a millisecond of Python

export const poolSizes: Readonly<Record<string, number>> = {
  'isthmus-pool-1': 1,
  'isthmus-pool-2': 2,
  'isthmus-pool-4': 4,
}

async function small(py: Pool, i: number): Promise<void> {
  const sum = await py.call('add', i, 1000)
  if (sum !== i + 1000) WrongValueError.unless(false, `add(${i}, 1000)`, sum, i + 1000)
}

async function computing(py: Pool, i: number): Promise<void> {
  const n = kSteps + (i % 100)
  const seen = await py.call('checksum', n)
  WrongValueError.unless(seen === (n * (n - 1)) / 2, `checksum(${n})`, seen, (n * (n - 1)) / 2)
}

/** Calls a second of so many callers, each of which awaits its own. */
async function rate(
  seconds: number,
  callers: number,
  call: (i: number) => Promise<void>,
): Promise<number> {
  let calls = 0
  const start = performance.now()
  const end = start + seconds * 1000
  const caller = async (): Promise<void> => {
    while (performance.now() < end) await call(calls++)
  }
  await Promise.all(Array.from({ length: callers }, caller))
  return (calls / (performance.now() - start)) * 1000
}

async function measure({ contender, seconds, spin }: CellContext): Promise<Measured> {
  const workers = poolSizes[contender] ?? 1
  await using py = await openPool(spin, { workers })
  await warmUpLanes(kCallers, i => small(py, i))
  const callsPerSecond = await rate(seconds, kCallers, i => small(py, i))
  const callers = workers * kCallersPerWorker
  const computedPerSecond = await rate(seconds, callers, i => computing(py, i))
  return { figures: { callsPerSecond, computedPerSecond } }
}

export const poolScaling: Case = {
  title: 'pool: small calls from 64 callers, and calls of 1 ms of Python from two callers a worker',
  contenders: Object.keys(poolSizes),
  sizes: [0],
  run: measure,
}

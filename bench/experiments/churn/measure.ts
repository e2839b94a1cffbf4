// Calls one after another, each awaited, timed and checked.
import { Histogram } from '../../histogram.js'
import { charges, columns, type Model, manyRows, readFloats, type Session } from './session.js'

const kTolerance = 1e-6
const kWarmCalls = { one: 2000, many: 50 }
const kWarmShare = 0.3
const kFewestCalls = 20

export interface Cell {
  readonly p50: number
  readonly p99: number
  readonly calls: number
}

export interface Warm {
  readonly cells: Readonly<Record<`${Model}.${'one' | 'many'}`, Cell>>
  /** Of the first `manyRows` rows, to compare between arms. */
  readonly probabilities: readonly number[]
}

/** What each model says of each row: the model itself as it was trained, the null model a column. */
export function expectations(rows: Float32Array): Readonly<Record<Model, Float32Array>> {
  const count = rows.length / columns
  return {
    score: readFloats('expected.f32'),
    null: Float32Array.from({ length: count }, (_, at) => rows[at * columns + charges]!),
  }
}

export function check(found: number, expected: number): void {
  if (!(Math.abs(found - expected) <= kTolerance))
    throw new Error(`the answer is ${found}, and should be ${expected}`)
}

interface Repetition {
  readonly seconds: number
  readonly warmCalls: number
  /** Resolves to the milliseconds that the call took. */
  readonly call: (round: number) => Promise<number>
}

async function repeated({ seconds, warmCalls, call }: Repetition): Promise<Cell> {
  const histogram = new Histogram()
  const warmEnd = performance.now() + seconds * 1000 * kWarmShare
  for (let i = 0; i < warmCalls && performance.now() < warmEnd; i++) await call(i)
  const end = performance.now() + seconds * 1000
  for (let i = 0; i < kFewestCalls || performance.now() < end; i++)
    histogram.recordMs(await call(i))
  const us = (share: number) => histogram.percentile(share) / 1000
  return { p50: us(0.5), p99: us(0.99), calls: histogram.count }
}

export async function warm(session: Session, rows: Float32Array, seconds: number): Promise<Warm> {
  const expected = expectations(rows)
  const total = rows.length / columns
  const one = (model: Model) => async (round: number) => {
    const at = round % total
    const start = performance.now()
    const found = await session.one(model, at)
    const taken = performance.now() - start
    check(found, expected[model][at]!)
    return taken
  }
  const many = (model: Model) => async (round: number) => {
    const at = (round * 7) % (total - manyRows)
    const start = performance.now()
    const found = await session.many(model, at)
    const taken = performance.now() - start
    if (found.length !== manyRows) throw new Error(`${found.length} answers for ${manyRows} rows`)
    for (let i = 0; i < manyRows; i++) check(found[i]!, expected[model][at + i]!)
    return taken
  }
  const cells = {
    'null.one': await repeated({ seconds, warmCalls: kWarmCalls.one, call: one('null') }),
    'score.one': await repeated({ seconds, warmCalls: kWarmCalls.one, call: one('score') }),
    'null.many': await repeated({ seconds, warmCalls: kWarmCalls.many, call: many('null') }),
    'score.many': await repeated({ seconds, warmCalls: kWarmCalls.many, call: many('score') }),
  }
  return { cells, probabilities: Array.from(await session.many('score', 0)) }
}

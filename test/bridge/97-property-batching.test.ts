// Many callers at once, with values, rows, sizes, refusals and cancellations by chance: each promise gets its own result.
import { isDeepStrictEqual } from 'node:util'
import { type Bridge, type Pool, Tensor } from 'isthmus'
import t from 'tap'
import { script, upTo } from '../fixtures/batching.js'
import { bridgeFor, type Test } from '../fixtures/bridges.js'
import { poolFor, settledPool } from '../fixtures/pools.js'
import { below, oneOf, seeded, seedOfTest } from '../fixtures/random.js'
import { within } from '../fixtures/watchdog.js'

const seed = seedOfTest()
const callers = 24
const callsEach = 60

interface Wanted {
  readonly name: string
  readonly args: readonly unknown[]
  /** Is this its result? */
  readonly fits: (value: unknown) => boolean
}

let marks = 0

const isFloats = (value: unknown): value is Tensor<'float32'> => value instanceof Tensor

/** A call whose result only it can have. */
function any(random: () => number): Wanted {
  const mark = ++marks
  const length = oneOf(random, [0, 1, 3, 64, 1000])
  const same = (wanted: unknown) => (value: unknown) => isDeepStrictEqual(value, wanted)
  switch (below(random, 6)) {
    case 0:
      return {
        name: 'sums',
        args: [new Float64Array([mark, ...upTo(length).fill(0)])],
        fits: same(mark),
      }
    case 1: {
      const row = new Float32Array(length + 1).fill(mark)
      const fits = (value: unknown) =>
        isFloats(value) && value.size === row.length && value.data.every(x => x === 2 * mark)
      return { name: oneOf(random, ['doubled', 'doubled_later']), args: [row], fits }
    }
    case 2: {
      const row = new Float64Array([mark, ...upTo(length).fill(0)])
      return { name: 'pair', args: [row, `m${mark}`], fits: same(`m${mark}: ${mark}.0`) }
    }
    case 3: {
      const value = oneOf<unknown>(random, [
        `t${mark}`.repeat(length + 1),
        [mark, [mark]],
        { mark, n: null },
        mark,
      ])
      return { name: 'echo', args: [value], fits: same(value) }
    }
    case 4: {
      const tensor = new Float64Array(length + 1).fill(mark)
      const fits = (value: unknown) => {
        const { mark: number, tensor: back } = value as { mark: number; tensor: Tensor<'float64'> }
        return number === mark && back.size === length + 1 && back.data.every(x => x === mark)
      }
      return { name: 'echo', args: [{ mark, tensor }], fits }
    }
    default:
      return { name: 'picky', args: [mark], fits: same(mark * 10) }
  }
}

async function storm(py: Bridge | Pool): Promise<Map<string, number>> {
  const outcomes = new Map<string, number>()
  const note = (what: string) => outcomes.set(what, (outcomes.get(what) ?? 0) + 1)
  const caller = async (random: () => number) => {
    for (let left = callsEach; left > 0; ) {
      const burst = upTo(Math.min(left, 1 + below(random, 12))).map(async () => {
        const { name, args, fits } = any(random)
        const controller = new AbortController()
        const chance = random()
        const promise =
          chance < 0.1
            ? py.with({ signal: controller.signal }).call(name, ...args)
            : chance < 0.15
              ? py.with({ timeout: 1 + below(random, 3) }).call(name, ...args)
              : chance < 0.2
                ? py.call('picky', -1)
                : py.call(name, ...args)
        if (chance < 0.05) controller.abort()
        else if (chance < 0.1) setImmediate(() => controller.abort())
        try {
          const value = await promise
          note(fits(value) ? 'right' : `wrong: ${name}`)
        } catch (error) {
          note((error as { code: string }).code)
        }
      })
      left -= burst.length
      await Promise.all(burst)
      if (random() < 0.3) await new Promise(resolve => setImmediate(resolve))
    }
  }
  const all = Promise.all(upTo(callers).map(at => caller(seeded(seed * 100 + at))))
  await within(`seed ${seed}`, all, () => py.stats().batches)
  return outcomes
}

async function check(
  t: Test & {
    same: (a: unknown, b: unknown, words: string) => unknown
    ok: (a: unknown, words: string) => unknown
  },
  py: Bridge | Pool,
) {
  const outcomes = await storm(py)
  const total = [...outcomes.values()].reduce((a, b) => a + b, 0)
  const known = ['right', 'ERR_ABORTED', 'ERR_TIMEOUT', 'ERR_PYTHON']
  const words = `seed ${seed}: ${JSON.stringify([...outcomes])}`
  t.same(
    [...outcomes.keys()].filter(each => !known.includes(each)),
    [],
    words,
  )
  t.ok(total === callers * callsEach && outcomes.get('right')! > total / 2, words)
  for (const [name, { waiting, running }] of Object.entries(py.stats().batches))
    t.same({ waiting, running }, { waiting: 0, running: 0 }, `${name}, ${words}`)
}

t.test('a bridge: each of many concurrent calls gets its own result', async t => {
  await check(t, await bridgeFor(t, script))
})

t.test('threads: each of many concurrent calls gets its own result', async t => {
  await check(t, await bridgeFor(t, script, { threads: 3 }))
})

t.test(
  'a pool: each of many concurrent calls gets its own result, and nothing is held',
  async t => {
    const py = await poolFor(t, {}, script)
    await check(t, py)
    await settledPool(
      py,
      'nothing is held',
      ({ leases, ownBlocks, borrowedBlocks }) => leases + ownBlocks + borrowedBlocks === 0,
    )
  },
)

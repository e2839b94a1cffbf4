// Calls, streams, callbacks, iterables, objects and aborts at the same time, over rings of every size: each result is
// right, nothing locks up, nothing is left.
import type { Caller, Tensor } from 'isthmus'
import t from 'tap'
import { within } from '../fixtures/watchdog.js'
import { released, spawned } from './spawned.js'

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at)

/** Numbers that look random and are the same in every run. */
function randomNumbers(seed: number) {
  let state = seed
  return (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

type Random = ReturnType<typeof randomNumbers>
/** Throws if a result is not the right one. */
type Work = (py: Caller, random: Random) => Promise<void>

function check(right: boolean, what: string) {
  if (!right) throw new Error(`wrong: ${what}`)
}

const either = (random: Random, name: string) => (random(2) ? name : `${name}_later`)

/** Now and then a payload that does not fit into a small ring. */
const sizeOf = (random: Random) => [0, 10, 1000, 5000, 70_000][random(5)]!

const works: Record<string, Work> = {
  async echo(py, random) {
    const value = { at: random(1e9), text: 'y'.repeat(sizeOf(random)) }
    const result = (await py.call(either(random, 'echo'), value)) as typeof value
    check(result.at === value.at && result.text === value.text, 'echo')
  },
  async array(py, random) {
    const value = random(1e6)
    const data = new Float64Array(1 + random(20_000)).fill(value)
    const result = (await py.call(either(random, 'echo'), [data])) as [Tensor<'float64'>]
    check(result[0].size === data.length && result[0].data[0] === value, 'array')
    result[0].dispose()
  },
  async callback(py, random) {
    const [times, size] = [random(6), sizeOf(random)]
    type Value = { at: number; text: string }
    const add = async ({ at }: Value): Promise<Value> => {
      if (random(2)) await new Promise(resolve => setImmediate(resolve))
      return { at: at + 1, text: 'z'.repeat(size) }
    }
    const result = await py.call(either(random, 'call_back'), add, { at: 0 }, times)
    check((result as Value).at === times, 'callback')
  },
  async stream(py, random) {
    const [start, stop] = [random(1000), 1000 + random(40)]
    let at = start
    const left = random(3) === 0 ? start + random(stop - start) : Infinity
    for await (const item of py
      .with({ window: 1 + random(20) })
      .stream(either(random, 'count'), start, stop, sizeOf(random))) {
      check((item as [number])[0] === at++, 'stream')
      if (at > left) return
      if (at > start + 60) return
    }
    check(at === stop, `the end of a stream, ${at} of ${stop}`)
  },
  async frames(py, random) {
    let at = random(100)
    const stop = at + random(10)
    for await (const frame of py.stream('frames', at, stop, 9000)) {
      const { data } = frame as Tensor<'float64'>
      check(data[0] === at && data[8999] === at, 'frame')
      ;(frame as Tensor).dispose()
      at++
    }
    check(at === stop, 'the end of the frames')
  },
  async iterable(py, random) {
    const count = random(30)
    async function* values() {
      for (let at = 0; at < count; at++) yield at
    }
    const sum = await py.call(either(random, 'total'), random(2) ? values() : upTo(count).values())
    check(sum === (count * (count - 1)) / 2, 'iterable')
  },
  async pipeline(py, random) {
    const count = random(20)
    let at = 0
    for await (const value of py.stream('mapped', upTo(count).values(), (x: number) => x * 3))
      check(value === 3 * at++, 'pipeline')
    check(at === count, 'the end of the pipeline')
  },
  async object(py, random) {
    const start = random(100)
    using adder = await py.create('Adder', start)
    const sums = await Promise.all(upTo(5).map(value => adder.call('add', value)))
    check(
      sums.every(sum => typeof sum === 'number') && Math.max(...(sums as number[])) === start + 10,
      'object',
    )
  },
  async progress(py, random) {
    const count = random(50)
    let last = -1
    const onProgress = (fraction: number) => {
      check(fraction > last, 'progress')
      last = fraction
    }
    check((await py.with({ onProgress }).call('progress', count)) === count, 'the result')
  },
  async sync(py, random) {
    const value = random(1e9)
    check(py.with({ timeout: 30_000 }).callSync(either(random, 'echo'), value) === value, 'sync')
  },
  async aborted(py, random) {
    const controller = new AbortController()
    const caller = py.with({ signal: controller.signal })
    const names = Object.keys(works).filter(name => name !== 'aborted' && name !== 'sync')
    const outcome = works[names[random(names.length)]!]!(caller, random)
    setTimeout(() => controller.abort(), random(20))
    await outcome.catch((error: { code?: string }) => {
      if (error.code !== 'ERR_ABORTED') throw error
    })
  },
  async timed(py, random) {
    const outcome = py.with({ timeout: 1 + random(20) }).call('busy', random(10) / 1000, 'done')
    await outcome.then(
      value => check(value === 'done', 'busy'),
      (error: { code?: string }) => {
        if (error.code !== 'ERR_TIMEOUT') throw error
      },
    )
  },
}

for (const [seed, options] of Object.entries({
  1: { threads: 1 },
  2: { threads: 1, ringBytes: 4096, window: 4 },
  3: { threads: 3 },
  4: { threads: 2, ringBytes: 4096 },
  5: { threads: 2, ringBytes: 65_536, spin: 0, window: 64 },
}))
  t.test(`with ${JSON.stringify(options)}`, async t => {
    const py = await spawned(t, 'everything.py', options)
    const caller = py.with({})
    const random = randomNumbers(Number(seed))
    const names = Object.keys(works)
    const running = new Map<number, string>()
    let left = 600
    const lane = async () => {
      while (left-- > 0) {
        const id = left
        const name = names[random(names.length)]!
        running.set(id, name)
        // During callSync() of one, callbacks of the others are refused, and while the only thread waits for one, it.
        await works[name]!(caller, random).catch((error: { type?: string; code?: string }) => {
          if (error.type !== 'isthmus.errors.BlockedError' && error.code !== 'ERR_BLOCKED')
            throw error
        })
        running.delete(id)
      }
    }
    await within(
      'all of it',
      Promise.all(upTo(20).map(lane)),
      () => ({
        running: Object.fromEntries(running),
        ...py.stats(),
      }),
      100_000,
    )
    await released(py)
    t.pass()
  })

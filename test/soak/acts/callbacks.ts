// Functions and iterables of Node that Python calls, and objects that live in a worker.
import { setImmediate as turn } from 'node:timers/promises'
import { keep } from 'isthmus'
import { type Act, type Doubles, equal, lookOf } from '../act.js'
import type { TargetName } from '../target.js'

const some: readonly TargetName[] = ['steady', 'fragile', 'threaded']

const sumBelow = (count: number) => (count === 0 ? 0 : (count * (count - 1)) / 2)

async function* later(count: number) {
  for (let at = 0; at < count; at++) {
    if (at % 4 === 0) await turn()
    yield at
  }
}

export const callbacks: Record<string, Act> = {
  callback: {
    weight: 3,
    on: some,
    async run({ target, random }) {
      const [count, factor] = [random.whole(0, 20), random.whole(1, 9)]
      const f = random.chance(0.5) ? (x: number) => x * factor : async (x: number) => x * factor
      equal('ask', await target.py.call('ask', f, count), factor * sumBelow(count))
    },
  },

  'callbacks of a coroutine': {
    weight: 2,
    on: some,
    async run({ target, random }) {
      const count = random.whole(0, 50)
      const f = async (x: number) => {
        await turn()
        return x + 1
      }
      equal('ask_all', await target.py.call('ask_all', f, count), sumBelow(count + 1))
    },
  },

  'arrays through a callback': {
    weight: 1,
    on: some,
    async run({ target, random, room, moved }) {
      const length = random.whole(0, 2 ** random.whole(8, 18))
      await room(32 * length)
      const f = (x: Doubles) => {
        const { data } = x
        const result = data.map(value => 2 * value)
        x.dispose()
        return result
      }
      const wanted = 2 * lookOf(0, length)[3]!
      equal('hand_over', await target.py.call('hand_over', f, length), wanted)
      moved(16 * length)
    },
  },

  'callback that throws': {
    weight: 1,
    on: some,
    async run({ target, random }) {
      const text = `thrown ${random.whole(0, 1e9)}`
      const f = () => {
        throw new Error(text)
      }
      equal('message_of', await target.py.call('message_of', f), text)
    },
  },

  'callback that calls back': {
    weight: 1,
    on: ['threaded'],
    async run({ target, random }) {
      const count = random.whole(0, 5)
      const f = (x: number) => target.py.call('double', x)
      equal('ask_all', await target.py.call('ask_all', f, count), 2 * sumBelow(count))
    },
  },

  'kept function': {
    weight: 1,
    on: ['threaded'],
    async run({ target, random }) {
      await target.py.call(
        'keep',
        keep((x: number) => x + 1),
      )
      const x = random.whole(0, 1e6)
      equal('ask_kept', await target.py.call('ask_kept', x), x + 1)
    },
  },

  iterable: {
    weight: 2,
    on: some,
    async run({ target, random }) {
      const count = random.whole(0, 40)
      const values = random.chance(0.5)
        ? later(count)
        : new Set(Array.from({ length: count }, (_, at) => at)).values()
      const name = random.chance(0.5) ? 'total' : 'total_later'
      equal(name, await target.py.call(name, values), sumBelow(count))
    },
  },

  'iterable left early': {
    weight: 1,
    on: some,
    async run({ target, random }) {
      const count = random.whole(1, 10)
      const found = (await target.py.call('first_of', later(1e9), count)) as number[]
      equal('first_of', found.join(), Array.from({ length: count }, (_, at) => at).join())
    },
  },

  object: {
    weight: 2,
    on: some,
    async run({ target, random }) {
      const [start, n] = [random.whole(0, 100), random.whole(0, 20)]
      const counter = await target.py.create('Counter', start)
      equal('add', await counter.call('add', n), start + n)
      equal('itself', await counter.call('itself'), counter)
      let next = start + n
      for await (const item of counter.stream('countdown')) equal('countdown', item, next--)
      equal('sum_of', await target.py.call('sum_of', counter, counter), 2 * (start + n))
      if (random.chance(0.8)) counter.dispose() // the others are collected
    },
  },
}

// Arrays of every size, in both directions, by reference and copied.
import type { Pool } from 'isthmus'
import { type Act, checkRamp, type Doubles, equal, fillRamp, giveUp, lookOf, same } from '../act.js'
import { anyLength } from '../random.js'
import type { TargetName } from '../target.js'

const everywhere: readonly TargetName[] = ['steady', 'fragile', 'threaded', 'plain']

/** Sums of whole numbers stay exact. */
const anyStart = (random: { whole(low: number, high: number): number }) => random.whole(0, 1000)

export const tensors: Record<string, Act> = {
  'tensor to Python': {
    weight: 8,
    on: everywhere,
    async run({ target, random, room, moved }) {
      const length = anyLength(random)
      await room(8 * length)
      const start = anyStart(random)
      const tensor = target.py.tensor('float64', [length], { uninitialized: true })
      fillRamp(tensor.data, start)
      const answer = target.py.call('look', tensor)
      if (random.chance(0.5)) tensor.dispose()
      same('look', await answer, lookOf(start, length))
      if (!tensor.disposed) giveUp(tensor, random)
      moved(8 * length)
    },
  },

  'typed array to Python': {
    weight: 5,
    on: everywhere,
    async run({ target, random, room, moved }) {
      const length = anyLength(random, 2 ** 23)
      await room(16 * length)
      const start = anyStart(random)
      const array = new Float64Array(length)
      fillRamp(array, start)
      same('look', await target.py.call('look', array), lookOf(start, length))
      moved(8 * length)
    },
  },

  'array from Python': {
    weight: 8,
    on: everywhere,
    async run({ target, random, room, moved }) {
      const length = anyLength(random)
      await room(16 * length)
      const start = anyStart(random)
      const result = (await target.py.call('ramp', start, length)) as Doubles
      checkRamp('ramp', result.data, { start, length }, random)
      giveUp(result, random)
      moved(8 * length)
    },
  },

  'copied from Python': {
    weight: 3,
    on: everywhere,
    async run({ target, random, room, moved }) {
      const length = anyLength(random, 2 ** 23)
      await room(24 * length)
      const start = anyStart(random)
      const result = (await target.py.call('ramp_elsewhere', start, length)) as Doubles
      checkRamp('ramp_elsewhere', result.data, { start, length }, random)
      giveUp(result, random)
      moved(8 * length)
    },
  },

  'there and back': {
    weight: 4,
    on: everywhere,
    async run({ target, random, room, moved }) {
      const length = anyLength(random, 2 ** 24)
      await room(32 * length)
      const [start, step] = [anyStart(random), random.whole(2, 9)]
      const tensor = target.py.tensor('float64', [length], { uninitialized: true })
      fillRamp(tensor.data, start)
      const result = (await target.py.call('scaled', tensor, step)) as Doubles
      checkRamp('scaled', result.data, { start: start * step, step, length }, random)
      giveUp(tensor, random)
      giveUp(result, random)
      moved(16 * length)
    },
  },

  'changed in place': {
    weight: 3,
    on: everywhere,
    async run({ target, random, room, moved }) {
      const length = anyLength(random, 2 ** 22)
      await room(8 * length)
      const [start, more] = [anyStart(random), random.whole(1, 9)]
      using tensor = target.py.tensor('float64', [length])
      fillRamp(tensor.data, start)
      using again = (await target.py.call('add_to', tensor, more)) as Doubles
      checkRamp('the argument', tensor.data, { start: start + more, length }, random)
      checkRamp('the result', again.data, { start: start + more, length }, random)
      moved(8 * length)
    },
  },

  strided: {
    weight: 2,
    on: everywhere,
    async run({ target, random, room, moved }) {
      const length = anyLength(random, 2 ** 20)
      await room(24 * length)
      const start = anyStart(random)
      using tensor = target.py.tensor('float64', [length])
      fillRamp(tensor.data, start)
      using half = (await target.py.call('every_other', tensor)) as Doubles
      using copy = half.copy()
      checkRamp('[::2]', copy.data, { start, step: 2, length: Math.ceil(length / 2) }, random)
      moved(8 * length)
    },
  },

  'sync tensor': {
    weight: 1,
    on: ['plain'],
    async run({ target, random, room, moved }) {
      const length = anyLength(random, 2 ** 18)
      await room(16 * length)
      const start = anyStart(random)
      using result = target.py.callSync('ramp', start, length) as Doubles
      checkRamp('ramp', result.data, { start, length }, random)
      moved(8 * length)
    },
  },

  'from one worker to another': {
    weight: 4,
    on: ['steady', 'fragile'],
    async run({ target, random, room, moved }) {
      const length = anyLength(random, 2 ** 23)
      await room(16 * length)
      const start = anyStart(random)
      const [maker, reader] = random.chance(0.5) ? ['a', 'b'] : ['b', 'a']
      const { py } = target
      const made = (await py.with({ affinity: maker }).call('ramp', start, length)) as Doubles
      const answers = [maker, reader, reader].map(affinity =>
        py.with({ affinity }).call('look', made),
      )
      made.dispose()
      for (const answer of await Promise.all(answers)) same('look', answer, lookOf(start, length))
      moved(24 * length)
    },
  },

  'map into rows': {
    weight: 2,
    on: ['steady', 'fragile'],
    async run({ target, random, room, moved }) {
      const length = Math.max(1, anyLength(random, 2 ** 21))
      await room(16 * length)
      const py = target.py as Pool
      const [start, step] = [anyStart(random), random.whole(2, 9)]
      using from = py.tensor('float64', [length])
      using into = py.tensor('float64', [length], { uninitialized: true })
      fillRamp(from.data, start)
      await py.map('scaled_rows', from, { args: [step], into })
      checkRamp('into', into.data, { start: start * step, step, length }, random)
      moved(16 * length)
    },
  },

  'map over items': {
    weight: 1,
    on: ['steady', 'fragile'],
    async run({ target, random }) {
      const items = Array.from({ length: random.whole(0, 500) }, (_, at) => at)
      const results = await (target.py as Pool).map('double', items)
      same(
        'map',
        results,
        items.map(x => 2 * x),
      )
    },
  },

  broadcast: {
    weight: 1,
    on: ['steady'],
    async run({ target, random, room }) {
      const length = anyLength(random, 2 ** 18)
      await room(8 * length)
      using tensor = target.py.tensor('float64', [length])
      fillRamp(tensor.data, 1)
      const looks = await (target.py as Pool).broadcast('look', tensor)
      equal('workers', looks.length, 2)
      for (const look of looks) same('look', look, lookOf(1, length))
    },
  },
}

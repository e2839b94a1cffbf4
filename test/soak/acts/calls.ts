// Values, errors, keywords, callSync, progress and logging.
import { kwargs, type PythonError } from 'isthmus'
import { type Act, equal, rejects, same } from '../act.js'
import type { Random } from '../random.js'
import type { TargetName } from '../target.js'

const everywhere: readonly TargetName[] = ['steady', 'fragile', 'threaded', 'plain']

function anyValue(random: Random, depth = 0): unknown {
  const kind = random.whole(0, depth < 3 ? 8 : 6)
  switch (kind) {
    case 0:
      return random.whole(-(2 ** 31), 2 ** 31)
    case 1:
      return random.fraction()
    case 2:
      return 'ä€😀'.repeat(random.whole(0, 20))
    case 3:
      return random.chance(0.5)
    case 4:
      return null
    case 5:
      return BigInt(random.whole(0, 2 ** 31)) * 2n ** 32n + 2n ** 53n
    case 6:
      return new Date(random.whole(0, 2 ** 40))
    case 7:
      return Array.from({ length: random.whole(0, 5) }, () => anyValue(random, depth + 1))
    default:
      return Object.fromEntries(
        Array.from({ length: random.whole(0, 5) }, (_, at) => [
          `key${at}`,
          anyValue(random, depth + 1),
        ]),
      )
  }
}

export const calls: Record<string, Act> = {
  'small call': {
    weight: 40,
    on: everywhere,
    async run({ target, random }) {
      const x = random.whole(0, 2 ** 30)
      equal('double', await target.py.call('double', x), 2 * x)
    },
  },

  'any value': {
    weight: 15,
    on: everywhere,
    async run({ target, random }) {
      const value = anyValue(random)
      same('echo', await target.py.call('echo', value), value)
    },
  },

  keywords: {
    weight: 3,
    on: everywhere,
    async run({ target, random }) {
      const x = random.whole(0, 2 ** 30)
      equal('double', await target.py.fn.double!(kwargs({ x })), 2 * x)
    },
  },

  'error in Python': {
    weight: 3,
    on: everywhere,
    async run({ target, random }) {
      const text = `refused ${random.whole(0, 1e9)}`
      const error = await rejects('refuse', 'ERR_PYTHON', target.py.call('refuse', text))
      equal('the error', (error as PythonError).pythonMessage, text)
    },
  },

  'many at once': {
    weight: 1,
    on: everywhere,
    async run({ target, random }) {
      const xs = Array.from({ length: random.whole(10, 300) }, () => random.whole(0, 2 ** 30))
      const answers = await Promise.all(xs.map(x => target.py.call('double', x)))
      same(
        'double',
        answers,
        xs.map(x => 2 * x),
      )
    },
  },

  // One length, and often: what an allocator keeps of the most that was in use at a time is reached during the warm-up.
  'large text': {
    weight: 1,
    on: everywhere,
    async run({ target, random }) {
      const text = `${random.whole(1e8, 1e9 - 1)}`.repeat(100_000)
      equal('echo', await target.py.call('echo', text), text)
    },
  },

  callSync: {
    weight: 2,
    on: ['plain'],
    async run({ target, random }) {
      const x = random.whole(0, 2 ** 30)
      equal('double', target.py.callSync('double', x), 2 * x)
    },
  },

  progress: {
    weight: 2,
    on: ['steady', 'fragile', 'threaded'],
    async run({ target, random }) {
      const count = random.whole(1, 50)
      let last = 0
      const onProgress = (fraction: number, text: string | undefined) => {
        const step = Math.round(fraction * count)
        if (step <= last || step > count) equal('progress', step, last + 1)
        equal('text', text, `step ${step - 1}`)
        last = step
      }
      equal('progresses', await target.py.with({ onProgress }).call('progresses', count), count)
    },
  },

  logging: {
    weight: 1,
    on: everywhere,
    async run({ target, random }) {
      const count = random.whole(1, 20)
      equal('says', await target.py.call('says', count), count)
      target.logged += count
    },
  },
}

// Calls that are given up: aborted, timed out, told, interrupted, and killed.
import { type Act, rejects } from '../act.js'
import type { TargetName } from '../target.js'

const abortable: readonly TargetName[] = ['steady', 'fragile', 'threaded']
/** In a thread of `threads: n`, what sleeps in the system is not interrupted. */
const interruptible: readonly TargetName[] = ['steady', 'fragile']

export const ends: Record<string, Act> = {
  'told by an abort': {
    weight: 0.5,
    on: abortable,
    async run({ target, random }) {
      const signal = AbortSignal.timeout(random.whole(0, 20))
      const call = target.py.with({ signal, interrupt: 2000 }).call('until_told')
      await rejects('until_told', 'ERR_ABORTED', call)
    },
  },

  'told by a timeout': {
    weight: 0.5,
    on: abortable,
    async run({ target, random }) {
      const timeout = random.whole(1, 20)
      const call = target.py.with({ timeout, interrupt: 2000 }).call('until_told')
      await rejects('until_told', 'ERR_TIMEOUT', call)
    },
  },

  interrupted: {
    weight: 0.3,
    on: interruptible,
    async run({ target, random }) {
      const timeout = random.whole(1, 10)
      const name = random.chance(0.5) ? 'until_interrupted' : 'sleeping'
      await rejects(name, 'ERR_TIMEOUT', target.py.with({ timeout, interrupt: 5 }).call(name))
    },
  },

  'a coroutine cancelled': {
    weight: 1,
    on: abortable,
    async run({ target, random }) {
      const timeout = random.whole(1, 30)
      const call = target.py.with({ timeout }).call('sleeping_later')
      await rejects('sleeping_later', 'ERR_TIMEOUT', call)
    },
  },

  'aborted at once': {
    weight: 1,
    on: abortable,
    async run({ target, random }) {
      const controller = new AbortController()
      using tensor = target.py.tensor('float64', [random.whole(0, 1000)])
      const call = target.py.with({ signal: controller.signal }).call('look', tensor)
      controller.abort()
      await rejects('look', 'ERR_ABORTED', call)
    },
  },

  'killed for a call': {
    weight: 0.03,
    on: ['fragile'],
    async run({ target }) {
      const controller = new AbortController()
      const { signal } = controller
      const onProgress = () => {
        target.kills++
        controller.abort()
      }
      const call = target.py.with({ signal, onProgress, interrupt: 10, kill: 50 }).call('deaf')
      await rejects('deaf', 'ERR_ABORTED', call)
    },
  },
}

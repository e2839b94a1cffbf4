// Streams: read fast, read slowly, abandoned, failing.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Act, checkRamp, type Doubles, equal, giveUp, rejects } from '../act.js'
import type { TargetName } from '../target.js'

const everywhere: readonly TargetName[] = ['steady', 'fragile', 'threaded', 'plain']

export const streams: Record<string, Act> = {
  'stream of numbers': {
    weight: 3,
    on: everywhere,
    async run({ target, random }) {
      const count = random.whole(0, 500)
      let next = 0
      for await (const item of target.py.stream('numbers', count)) equal('item', item, next++)
      equal('items', next, count)
    },
  },

  'stream of frames': {
    weight: 2,
    on: everywhere,
    async run({ target, random, room, moved }) {
      const [count, length] = [random.whole(1, 40), random.whole(0, 2 ** random.whole(10, 17))]
      await room(8 * length * 12)
      const name = random.chance(0.5) ? 'frames' : 'frames_later'
      let next = 0
      for await (const item of target.py.stream(name, count, length)) {
        const frame = item as Doubles
        checkRamp('frame', frame.data, { start: next++, step: 0, length }, random)
        giveUp(frame, random)
      }
      equal('frames', next, count)
      moved(8 * length * count)
    },
  },

  'slow reader': {
    weight: 0.5,
    on: everywhere,
    async run({ target, random }) {
      const count = random.whole(10, 60)
      let next = 0
      for await (const item of target.py.stream('numbers', count)) {
        equal('item', item, next++)
        await sleep(random.whole(0, 20))
      }
      equal('items', next, count)
    },
  },

  'stream left early': {
    weight: 2,
    on: everywhere,
    async run({ target, random }) {
      const last = random.whole(0, 20)
      let next = 0
      for await (const item of target.py.stream('numbers', 1e9)) {
        equal('item', item, next++)
        if (next > last) break
      }
    },
  },

  'frames left early': {
    weight: 1,
    on: everywhere,
    async run({ target, random, room }) {
      const length = random.whole(0, 2 ** 15)
      await room(8 * length * 12)
      const name = random.chance(0.5) ? 'frames' : 'frames_later'
      const stream = target.py.with({ window: random.whole(1, 8) }).stream(name, 1e9, length)
      for (let next = 0; next < random.whole(1, 10); next++) {
        const { value } = await stream.next()
        checkRamp('frame', (value as Doubles).data, { start: next, step: 0, length }, random)
        ;(value as Doubles).dispose()
      }
      await stream.return()
    },
  },

  'aborted stream': {
    weight: 0.5,
    on: ['steady', 'fragile', 'threaded'],
    async run({ target, random }) {
      const controller = new AbortController()
      const stream = target.py.with({ signal: controller.signal }).stream('numbers', 1e9)
      const last = random.whole(0, 100)
      const reading = async () => {
        let next = 0
        for await (const item of stream) {
          equal('item', item, next++)
          if (next === last + 1) controller.abort()
        }
      }
      await rejects('the stream', 'ERR_ABORTED', reading())
    },
  },

  'stream that fails': {
    weight: 1,
    on: everywhere,
    async run({ target, random }) {
      const count = random.whole(0, 20)
      let next = 0
      const reading = async () => {
        for await (const item of target.py.stream('fails_after', count, 'the end'))
          equal('item', item, next++)
      }
      await rejects('the stream', 'ERR_PYTHON', reading())
      equal('items', next, count)
    },
  },
}

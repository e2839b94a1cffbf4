// Rings and queues that are full: the caller waits or is told, nothing is lost and nothing overtakes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { QueueFullError } from 'isthmus'
import t from 'tap'
import { rejection, spawned } from './spawned.js'

const folder = mkdtempSync(join(tmpdir(), 'isthmus-gates-'))
t.teardown(() => rmSync(folder, { recursive: true }))
let gates = 0

/** A file that a call of the worker waits for, and how it is made. */
function gate() {
  const path = join(folder, String(gates++))
  return { path, open: () => writeFileSync(path, '') }
}

const smallest = { ringBytes: 4096 }

t.test('a full ring: every call waits for room, is answered, and in order', async t => {
  const py = await spawned(t, 'waiting.py', smallest)
  const { path, open } = gate()
  const blocked = py.call('wait_for', path)
  const answers: number[] = []
  const calls = Array.from({ length: 3000 }, async (_, number) => {
    const [answer] = (await py.call('note', [number, 'x'.repeat(number % 300)])) as [number]
    answers.push(answer)
  })
  t.equal(py.stats().pending, 3001)
  open()
  await blocked
  await Promise.all(calls)
  const order = Array.from({ length: 3000 }, (_, number) => number)
  t.strictSame(answers, order, 'answered in order')
  const seen = (await py.call('seen')) as [number][]
  t.strictSame(
    seen.slice(1).map(([number]) => number),
    order,
    'and seen in order',
  )
})

t.test('both rings full at once: neither side waits for the other', async t => {
  const py = await spawned(t, 'waiting.py', smallest)
  const text = 'y'.repeat(900)
  const calls = Array.from({ length: 2000 }, (_, number) => py.call('echo', [number, text]))
  const answers = (await Promise.all(calls)) as [number, string][]
  t.ok(answers.every(([answer, back], number) => answer === number && back === text))
})

t.test('results larger than the ring while calls fill the other one', async t => {
  const py = await spawned(t, 'waiting.py', smallest)
  const answers = await Promise.all(
    Array.from({ length: 300 }, (_, number) => py.call('repeat', String(number % 10), 20_000)),
  )
  t.ok(answers.every((answer, number) => answer === String(number % 10).repeat(20_000)))
})

t.test('answers that come together and are more than one turn delivers', async t => {
  const py = await spawned(t, 'waiting.py')
  for (const sizes of [
    [200_000, 200_000, 200_000],
    [400_000, 300_000],
    [1, 600_000, 1],
    [600_000, 600_000],
  ]) {
    const calls = sizes.map(size => py.call('repeat', 'r', size))
    const until = performance.now() + 50
    while (performance.now() < until); // all of them are there before the loop turns
    const answers = (await Promise.all(calls)) as string[]
    t.strictSame(
      answers.map(text => text.length),
      sizes,
    )
  }
})

t.test('what waits for an answer, and not for room, does not poll', async t => {
  const py = await spawned(t, 'waiting.py', { ...smallest, window: 6 })
  const gates = [gate(), gate()]
  const blocked = gates.map(({ path }) => py.call('wait_for', path))
  const text = 'w'.repeat(900)
  const calls = Array.from({ length: 40 }, () => py.call('echo', text))
  gates[0]!.open()
  await blocked[0]
  await setTimeout(100)
  const before = process.cpuUsage()
  await setTimeout(300)
  const { user, system } = process.cpuUsage(before)
  t.ok(user + system < 100_000, `${user + system} us of CPU in 300 ms`)
  gates[1]!.open()
  t.ok((await Promise.all(calls)).every(answer => answer === text))
})

t.test('more results than one turn of the loop takes: the last one is not left behind', async t => {
  const py = await spawned(t, 'waiting.py', { ringBytes: '4MiB' })
  for (const count of [25, 26, 27, 28, 51, 52, 53, 54, 78, 79]) {
    const before = py.stats().worker.messages
    const calls = Array.from({ length: count }, () => py.call('repeat', 'r', 20_000))
    while (py.stats().worker.messages < before + count); // all are in the ring before this side looks
    const answers = (await Promise.all(calls)) as string[]
    t.ok(
      answers.every(answer => answer.length === 20_000),
      `${count} at once`,
    )
  }
})

t.test('tensors of waiting calls stay alive until they are sent', async t => {
  const py = await spawned(t, 'waiting.py', smallest)
  const { path, open } = gate()
  const blocked = py.call('wait_for', path)
  const calls = Array.from({ length: 500 }, (_, number) => {
    const tensor = py.tensor('float64', [100])
    tensor.data.fill(number)
    const call = py.call('total', tensor)
    tensor.dispose()
    return call
  })
  open()
  await blocked
  const answers = (await Promise.all(calls)) as [number, number][]
  t.ok(answers.every(([length, sum], number) => length === 100 && sum === number * 100))
  await py.call('echo', null)
  t.match(py.stats(), { ownBlocks: 0, leases: 0 })
})

t.test(
  'the window bounds what the worker has been given, whatever the number of calls',
  async t => {
    const py = await spawned(t, 'waiting.py', { window: 4 })
    const { path, open } = gate()
    const blocked = py.call('wait_for', path)
    const before = py.stats().node.messages
    const calls = Array.from({ length: 100 }, (_, number) => py.call('note', number))
    t.equal(py.stats().node.messages - before, 3, 'one of four was spent')
    open()
    await blocked
    t.strictSame(
      await Promise.all(calls),
      calls.map((_, number) => number),
    )
  },
)

t.test('maxQueue: a call beyond it is refused, and one after an answer is taken', async t => {
  const py = await spawned(t, 'waiting.py', { window: 2, maxQueue: 3 })
  const { path, open } = gate()
  const taken = [py.call('wait_for', path, 0)]
  for (let number = 1; number < 5; number++) taken.push(py.call('note', number))
  const error = await rejection<QueueFullError>(py.call('note', 5))
  t.match(error, { name: 'QueueFullError', code: 'ERR_QUEUE_FULL', maxQueue: 3 })
  t.match(error.message, '3 calls are waiting already (`maxQueue`)')
  t.equal(py.stats().pending, 5, 'the others wait on')
  open()
  t.strictSame(await Promise.all(taken), [0, 1, 2, 3, 4])
  t.equal(await py.call('note', 6), 6)
  t.strictSame(await py.call('seen'), [0, 1, 2, 3, 4, 6])
})

t.test('maxQueue 0: none waits', async t => {
  const py = await spawned(t, 'waiting.py', { window: 1, maxQueue: 0 })
  const { path, open } = gate()
  const running = py.call('wait_for', path, 'done')
  t.equal((await rejection(py.call('note', 1))).code, 'ERR_QUEUE_FULL')
  open()
  t.equal(await running, 'done')
  t.equal(await py.call('note', 2), 2)
})

t.test('maxQueue 0 on a full ring: none waits, and what was taken is answered', async t => {
  const py = await spawned(t, 'waiting.py', { ...smallest, maxQueue: 0 })
  const { path, open } = gate()
  const before = py.stats().node.messages
  const taken = [py.call('wait_for', path, 0)]
  let refused: Error & { code?: string } = new Error('the ring never was full')
  for (let number = 1; number < 1000; number++) {
    const call = py.call('echo', [number, py.tensor('int8', [1])])
    const known = py.stats().pending
    if (known === taken.length) {
      refused = await rejection(call)
      break
    }
    taken.push(call)
  }
  t.equal(refused.code, 'ERR_QUEUE_FULL')
  t.equal(py.stats().node.messages - before, taken.length, 'every call taken is in the ring')
  open()
  t.equal((await Promise.all(taken)).length, taken.length)
  t.equal(await py.call('note', 'after'), 'after')
})

t.test('a payload larger than the ring crosses through the arena, both ways', async t => {
  for (const options of [smallest, {}]) {
    const py = await spawned(t, 'waiting.py', options)
    const megabyte = Array.from({ length: 1024 }, (_, number) => `${number}`.padStart(1020, '.'))
    t.strictSame(await py.call('echo', megabyte), megabyte, '1 MB of strings')
    const bytes = Buffer.alloc(3_000_000, 'ab')
    t.ok(bytes.equals((await py.call('echo', bytes)) as Buffer), '3 MB of bytes')
    t.equal(py.stats().copiedBytes, 0, 'these are no tensors')
    await py.call('echo', null)
    t.match(py.stats(), { ownBlocks: 0, borrowedBlocks: 0 }, 'and nothing is left of them')
  }
})

t.test('64 MB of nested values cross both ways', async t => {
  const py = await spawned(t, 'waiting.py')
  const text = 'z'.repeat(2 ** 16 - 10)
  const value = Array.from({ length: 1024 }, (_, number) => ({ number, text: text + number }))
  const back = (await py.call('echo', value)) as typeof value
  t.equal(back.length, 1024)
  t.ok(back.every((item, number) => item.number === number && item.text === text + number))
  const numbers = (await py.call('numbers', 1_000_000)) as number[]
  t.ok(numbers.every((value, index) => value === index))
  t.equal(numbers.length, 1_000_000)
})

t.test('large and small messages keep their order', async t => {
  const py = await spawned(t, 'waiting.py', smallest)
  const sizes = [1, 5000, 2, 100_000, 3, 3900, 4090, 4096, 1_000_000, 0, 2000, 2048, 1024]
  const calls = sizes.map(size => py.call('note', 'n'.repeat(size)))
  t.strictSame(
    ((await Promise.all(calls)) as string[]).map(text => text.length),
    sizes,
  )
  t.strictSame(
    ((await py.call('seen')) as string[]).map(text => text.length),
    sizes,
  )
})

t.test('messages of every size around the edges of the ring', async t => {
  const py = await spawned(t, 'waiting.py', smallest)
  const calls: Promise<unknown>[] = []
  for (let size = 0; size < 5000; size += 7) calls.push(py.call('echo', Buffer.alloc(size, size)))
  const back = (await Promise.all(calls)) as Buffer[]
  t.ok(back.every((bytes, at) => bytes.equals(Buffer.alloc(at * 7, at * 7))))
})

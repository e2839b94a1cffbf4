// A stream's end in Node, without Python: order, credit, and how it ends.
import fc from 'fast-check'
import t from 'tap'
import { ItemQueue, ItemStream, type Lane } from '#src/item-stream.js'
import type { ResolvedCallOptions } from '#src/options.js'
import { defaultWindow } from '#src/request.js'

class Log implements Lane {
  readonly credits: number[] = []
  readonly expects: boolean[] = []
  closed = 0

  credit(count: number) {
    this.credits.push(count)
  }

  expecting(expects: boolean) {
    this.expects.push(expects)
  }

  close() {
    this.closed++
  }

  get given() {
    return this.credits.reduce((sum, count) => sum + count, 0)
  }
}

function attached(window?: number): [queue: ItemQueue, lane: Log] {
  const options: Pick<ResolvedCallOptions, 'window' | 'onProgress'> = {
    window,
    onProgress: undefined,
  }
  const queue = new ItemQueue(options)
  const lane = new Log()
  queue.attach(lane)
  return [queue, lane]
}

const error = new Error('midway')
const done = (value: unknown = undefined) => ({ done: true, value })
const item = (value: unknown) => ({ done: false, value })

t.test('items come in order, whether the reader or the item was first', async t => {
  const [queue] = attached()
  const early = [queue.next(), queue.next()]
  for (const value of ['a', 'b', 'c', 'd']) queue.item(value)
  t.strictSame(await Promise.all(early), [item('a'), item('b')])
  t.strictSame(await queue.next(), item('c'))
  t.strictSame(await queue.next(), item('d'))
})

t.test('half a window of credit goes back whenever as many items have been read', async t => {
  const [queue, lane] = attached(8)
  for (let value = 0; value < 8; value++) queue.item(value)
  t.strictSame(lane.credits, [], 'nobody has read')
  for (let value = 0; value < 3; value++) await queue.next()
  t.strictSame(lane.credits, [])
  await queue.next()
  t.strictSame(lane.credits, [4])
  for (let value = 4; value < 8; value++) await queue.next()
  t.strictSame(lane.credits, [4, 4])
})

t.test('a window of 1: one item for each that was read', async t => {
  const [queue, lane] = attached(1)
  const read = queue.next()
  queue.item(0)
  t.strictSame(lane.credits, [1])
  await read
  queue.item(1)
  t.strictSame(lane.credits, [1], 'the second one waits for its reader')
  await queue.next()
  t.strictSame(lane.credits, [1, 1])
})

t.test('items are expected while there is credit, and only then', async t => {
  const [queue, lane] = attached(2)
  queue.item(0)
  t.strictSame(lane.expects, [])
  queue.item(1)
  t.strictSame(lane.expects, [false], 'a stream that nobody reads waits for nothing')
  await queue.next()
  t.strictSame(lane.expects, [false, true])
})

t.test('however items and readers come: never more than a window ahead, nothing lost', async t => {
  const steps = fc.array(fc.constantFrom<'item' | 'read'>('item', 'read'), { maxLength: 200 })
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 20 }), steps, async (window, steps) => {
      const [queue, lane] = attached(window)
      const reads: Promise<IteratorResult<unknown>>[] = []
      let sent = 0
      for (const step of steps) {
        if (step === 'read') reads.push(queue.next())
        else if (sent < window + lane.given) queue.item(sent++)
        const delivered = Math.min(sent, reads.length)
        const ahead = window + lane.given - delivered
        if (ahead > window) throw new Error(`${ahead} items may be ahead of the reader`)
        // All that was read and not given back is less than half a window: it cannot stand still.
        if (ahead <= window - Math.max(1, window >> 1)) throw new Error('credit was forgotten')
        const expects = lane.expects.at(-1) ?? true
        if (expects !== sent < window + lane.given) throw new Error('expects the wrong thing')
      }
      queue.resolve('end')
      const results = await Promise.all(reads)
      for (const [at, result] of results.entries()) {
        const wanted = at < sent ? item(at) : done(at === sent ? 'end' : undefined)
        if (result.done !== wanted.done || result.value !== wanted.value)
          throw new Error(`${at}: ${JSON.stringify(result)}`)
      }
    }),
  )
  t.pass()
})

t.test('the value of return comes once, after the items', async t => {
  const [queue, lane] = attached()
  queue.item(1)
  queue.resolve('value')
  t.strictSame(await queue.next(), item(1))
  t.strictSame(await queue.next(), done('value'))
  t.strictSame(await queue.next(), done())
  queue.close()
  t.equal(lane.closed, 0, 'the generator has ended by itself')
})

t.test('an error comes once, after the items before it; then the stream is at its end', async t => {
  const [queue] = attached()
  queue.item(1)
  queue.reject(error)
  t.strictSame(await queue.next(), item(1))
  await t.rejects(queue.next(), error)
  t.strictSame(await queue.next(), done())
})

t.test('of several readers that wait, the first is told the error', async t => {
  const [queue] = attached()
  const readers = [queue.next(), queue.next(), queue.next()]
  queue.item(1)
  queue.reject(error)
  const results = await Promise.allSettled(readers)
  t.match(results, [
    { status: 'fulfilled', value: item(1) },
    { status: 'rejected', reason: error },
    { status: 'fulfilled', value: done() },
  ])
})

t.test('closing: the lane hears of it once, readers that wait are at the end', async t => {
  const [queue, lane] = attached()
  queue.item(1)
  const [first, second] = [queue.next(), queue.next()]
  queue.close()
  queue.close()
  t.equal(lane.closed, 1)
  t.strictSame([await first, await second, await queue.next()], [item(1), done(), done()])
})

t.test('closing gives up the items that were not read', async t => {
  const [queue, lane] = attached()
  queue.item('unread')
  queue.close()
  t.strictSame(await queue.next(), done())
  t.strictSame(lane.credits, [])
})

t.test('closed before the call was made: it is closed as soon as it is', async t => {
  const queue = new ItemQueue(undefined)
  const lane = new Log()
  queue.close()
  queue.attach(lane)
  t.equal(lane.closed, 1)
})

t.test('a stream that ended gives no credit back', async t => {
  const [queue, lane] = attached(2)
  queue.item(1)
  queue.item(2)
  queue.resolve(undefined)
  await queue.next()
  await queue.next()
  t.strictSame(lane.credits, [])
})

t.test('ItemStream is an iterator, an iterable and disposable', async t => {
  const [queue, lane] = attached()
  const stream = new ItemStream(queue)
  t.equal(stream[Symbol.asyncIterator](), stream)
  queue.item(1)
  for await (const value of stream) {
    t.equal(value, 1)
    break
  }
  t.equal(lane.closed, 1)
  await stream[Symbol.asyncDispose]()
  t.equal(lane.closed, 1)
  t.strictSame(await stream.return('given'), done('given'))
})

t.test('a stream that never began tells why, once', async t => {
  const stream = ItemStream.failed(error)
  await t.rejects(stream.next(), error)
  t.strictSame(await stream.next(), done())
})

t.test('an ItemStream that is given up is closed when it is collected', async t => {
  const [queue, lane] = attached()
  ;(() => new ItemStream(queue))()
  for (let time = 0; time < 1000 && lane.closed === 0; time++) {
    globalThis.gc!()
    await new Promise(resolve => setImmediate(resolve))
  }
  t.equal(lane.closed, 1)
})

t.test('the default window is small', async t => {
  t.equal(defaultWindow, 8)
  const [queue, lane] = attached()
  for (let value = 0; value < defaultWindow; value++) queue.item(value)
  t.strictSame(lane.expects, [false])
})

t.test('without a window of the user: 8 until something was read, then 64', async t => {
  const [queue, lane] = attached()
  for (let value = 0; value < 8; value++) queue.item(value, 100)
  t.equal(lane.given, 0)
  await queue.next()
  t.equal(lane.given, 57) // 64 ahead of the reader, of which 7 are there
})

t.test(
  'without a window of the user: large items keep it at 8, whenever the first of them comes',
  async t => {
    const [queue, lane] = attached()
    queue.item(0, 2 ** 21)
    for (let value = 1; value < 8; value++) queue.item(value, 100)
    for (let read = 0; read < 4; read++) await queue.next()
    t.equal(lane.given, 4)
    const [other, late] = attached()
    other.item(0, 100)
    await other.next()
    t.equal(late.given, 57)
    other.item(1, 2 ** 21)
    for (let value = 2; value < 60; value++) other.item(value, 100)
    for (let read = 1; read <= 59; read++) await other.next()
    t.equal(late.given, 57, 'nothing is given while more than half a window is out')
    other.item(60, 100)
    await other.next()
    t.equal(late.given, 61)
  },
)

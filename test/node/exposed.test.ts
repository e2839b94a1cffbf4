// Functions and iterables that Python may call, without Python.
import { AsyncLocalStorage } from 'node:async_hooks'
import t from 'tap'
import { Kept } from '#src/codec.js'
import { expose, keep } from '#src/exposed.js'

const next = (exposed: { call(args: unknown[]): unknown }) => exposed.call(['next'])
const close = (exposed: { call(args: unknown[]): unknown }) => exposed.call(['return'])

t.test('an id is never used again', async t => {
  const fn = () => 0
  const ids = Array.from({ length: 100 }, () => expose(fn)[0])
  t.equal(new Set(ids).size, 100)
  t.ok(ids.every(id => id > 0 && Number.isInteger(id)))
})

t.test('a function is called with its arguments; what came from the user is kept', async t => {
  const fn = (a: number, b: number) => a - b
  const [, exposed] = expose(fn as (...args: never[]) => unknown)
  t.equal(exposed.call([5, 3]), 2)
  t.equal(exposed.value, fn)
  t.equal(exposed.kept, false)
  t.doesNotThrow(() => exposed.close())
})

t.test('keep() marks a function that outlives its call, and takes nothing else', async t => {
  const fn = () => 7
  const kept = keep(fn)
  t.ok(kept instanceof Kept)
  const [, exposed] = expose(kept)
  t.equal(exposed.kept, true)
  t.equal(exposed.value, fn)
  t.equal(exposed.call([]), 7)
  for (const wrong of [undefined, null, 5, {}, [1], 'fn'])
    t.throws(() => keep(wrong as never), TypeError)
})

t.test('it runs in the asynchronous context in which it was passed', async t => {
  const storage = new AsyncLocalStorage<string>()
  const [, exposed] = storage.run('request 1', () => expose(() => storage.getStore()))
  t.equal(storage.getStore(), undefined)
  t.equal(exposed.call([]), 'request 1')
  t.equal(
    storage.run('request 2', () => exposed.call([])),
    'request 1',
  )
})

t.test('iterables of every kind: their values, then done', async t => {
  const kinds: Record<string, () => Iterable<unknown> | AsyncIterable<unknown>> = {
    generator: function* () {
      yield* [1, 2]
    },
    'async generator': async function* () {
      yield* [1, 2]
    },
    'an object that can be iterated': () => ({ [Symbol.iterator]: () => [1, 2].values() }),
    'an object that can be iterated asynchronously': () => ({
      [Symbol.asyncIterator]: async function* () {
        yield* [1, 2]
      },
    }),
    'one of promises': () => [Promise.resolve(1), Promise.resolve(2)].values(),
  }
  for (const [kind, make] of Object.entries(kinds)) {
    const [, exposed] = expose(make())
    t.strictSame(await next(exposed), [false, 1], kind)
    t.strictSame(await next(exposed), [false, 2])
    t.equal(((await next(exposed)) as unknown[])[0], true)
    t.equal(((await next(exposed)) as unknown[])[0], true)
    t.equal(exposed.kept, false)
  }
})

t.test('it begins with the first next(), not before', async t => {
  let begun = 0
  const [, exposed] = expose({
    [Symbol.iterator]: () => {
      begun++
      return [1].values()
    },
  })
  exposed.close()
  t.equal(begun, 0)
  const [, other] = expose({
    [Symbol.iterator]: () => {
      begun++
      return [1].values()
    },
  })
  await next(other)
  await next(other)
  t.equal(begun, 1)
})

t.test('return runs finally once; then it is at its end', async t => {
  let cleaned = 0
  const values = (function* () {
    try {
      for (let at = 0; ; at++) yield at
    } finally {
      cleaned++
    }
  })()
  const [, exposed] = expose(values)
  t.strictSame(await next(exposed), [false, 0])
  t.equal(await close(exposed), null)
  t.equal(cleaned, 1)
  t.strictSame(await next(exposed), [true, null])
  exposed.close()
  await close(exposed)
  t.equal(cleaned, 1)
})

t.test('what it throws is thrown once; then it is at its end', async t => {
  const [, exposed] = expose(
    (function* () {
      yield 1
      throw new RangeError('enough')
    })(),
  )
  await next(exposed)
  await t.rejects(Promise.resolve(next(exposed)), RangeError)
  t.strictSame(await next(exposed), [true, null])
})

t.test('what a closed iterator throws in its finally is nobody’s rejection', async t => {
  const [, exposed] = expose(
    (async function* () {
      try {
        yield 1
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: what the test is about
        throw new Error('while cleaning up')
      }
    })(),
  )
  await next(exposed)
  exposed.close() // an unhandled rejection would fail this file
  await new Promise(resolve => setImmediate(resolve))
  t.pass()
})

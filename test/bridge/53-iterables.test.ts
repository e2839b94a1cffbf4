// A JS iterable, sync or async, is an iterator in Python: lazy, closed when it is left, errors both ways.
import { Readable } from 'node:stream'
import { kwargs, type Tensor } from 'isthmus'
import t from 'tap'
import { until, within } from '../fixtures/watchdog.js'
import { rejection, released, spawned } from './spawned.js'

/** A generator that notes how far it has come, and how it ended. */
class Source {
  drawn = 0
  closed = 0

  isClosed(): Promise<void> {
    return until('return() was called', () => this.closed === 1)
  }

  *plain(stop = Infinity) {
    try {
      for (let at = 0; at < stop; at++) {
        this.drawn++
        yield at
      }
    } finally {
      this.closed++
    }
  }

  async *later(stop = Infinity) {
    try {
      for (let at = 0; at < stop; at++) {
        await null
        this.drawn++
        yield at
      }
    } finally {
      await null
      this.closed++
    }
  }
}

const kinds = ['plain', 'later'] as const
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at)

for (const kind of kinds)
  for (const threads of [1, 2]) {
    const title = `${kind} iterables, threads: ${threads}`

    t.test(`${title}: their values in order, in functions and coroutines`, async t => {
      const py = await spawned(t, 'iterating.py', { threads })
      for (const count of [0, 1, 500]) {
        for (const name of ['as_list', 'as_list_later']) {
          const source = new Source()
          const values = await within(name, py.call(name, source[kind](count)))
          t.strictSame(values, upTo(count), name)
          t.match(source, { drawn: count, closed: 1 })
        }
      }
      t.strictSame(await py.call('what_it_is', new Source()[kind](1)), [true, true])
    })

    t.test(
      `${title}: an infinite one that is left is closed, and no value was drawn ahead`,
      async t => {
        const py = await spawned(t, 'iterating.py', { threads })
        const left = new Source()
        t.strictSame(await py.call('take', left[kind](), 3), [0, 1, 2])
        await left.isClosed()
        t.equal(left.drawn, 3)
        for (const name of ['take_and_close', 'take_and_close_later']) {
          const closed = new Source()
          t.strictSame(await py.call(name, closed[kind](), 3), [upTo(3), []], name)
          t.match(closed, { drawn: 3, closed: 1 })
        }
      },
    )

    t.test(`${title}: dropped by Python in the middle of the call, it is closed then`, async t => {
      const py = await spawned(t, 'iterating.py', { threads })
      const source = new Source()
      const call = py.call('take_then_wait', [source[kind]()], 2, () => source.isClosed())
      t.strictSame(await within('the call', call), [0, 1])
    })

    t.test(`${title}: closed when their call has ended, though Python keeps them`, async t => {
      const py = await spawned(t, 'iterating.py', { threads })
      const source = new Source()
      t.equal(await py.call('keep', source[kind]()), 0)
      await source.isClosed()
      t.equal(await within('next()', py.call('next_of_kept')), 'CallbackEndedError')
    })

    t.test(`${title}: through a generator and back, no further ahead than its window`, async t => {
      const py = await spawned(t, 'iterating.py', { threads })
      for (const name of ['doubled', 'doubled_later']) {
        const source = new Source()
        let read = 0
        for await (const value of py.with({ window: 3 }).stream(name, source[kind]())) {
          t.equal(value, 2 * read++)
          t.ok(source.drawn <= read + 3, `${source.drawn} of ${read}`)
          if (read === 20) break
        }
        await source.isClosed()
      }
    })
  }

t.test(
  'whatever can be iterated: streams of Node, Map entries, objects with an iterator',
  async t => {
    const py = await spawned(t, 'iterating.py')
    const list = (values: unknown) => within('the call', py.call('as_list', values))
    t.strictSame(await list(Readable.from(['a', 'b'])), ['a', 'b'])
    t.strictSame(await list(new Map([['a', 1]]).entries()), [['a', 1]])
    t.strictSame(await list({ [Symbol.iterator]: () => [1, 2].values() }), [1, 2])
    t.strictSame(await list([Promise.resolve(1), Promise.resolve(2)].values()), [1, 2])
    const custom = { [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true }) }) }
    t.strictSame(await list(custom), [])
    t.strictSame(await list([1, 2]), [1, 2], 'a list is a list')
  },
)

t.test('a stream of one call is the argument of another', async t => {
  const py = await spawned(t, 'iterating.py')
  const other = await spawned(t, 'iterating.py')
  const source = new Source()
  const doubled = py.stream('doubled', source.later(100))
  t.equal(await within('the call', other.call('total', doubled)), 99 * 100)
  t.equal(source.closed, 1)
})

t.test('at any depth, in keywords, several at once', async t => {
  const py = await spawned(t, 'iterating.py')
  const deep = py.call(
    'deep',
    { a: [new Source().plain(2)] },
    kwargs({ more: new Source().later(3) }),
  )
  t.strictSame(await deep, [0, 1, 0, 1, 2])
  const pairs = await py.call('pairs', new Source().plain(3), new Source().later(3))
  t.strictSame(pairs, [
    [0, 0],
    [1, 1],
    [2, 2],
  ])
})

t.test('tensors go by reference', async t => {
  const py = await spawned(t, 'iterating.py')
  const made: Tensor[] = []
  function* arrays() {
    for (let at = 0; at < 20; at++) {
      const array = py.tensor('float64', [50_000])
      array.data.fill(at)
      made.push(array)
      yield array
    }
  }
  t.strictSame(
    await py.call('sums', arrays()),
    upTo(20).map(at => at * 50_000),
  )
  t.equal(py.stats().copiedBytes, 0)
  for (const array of made.splice(0)) array.dispose()
  await released(py)
})

t.test('one that throws: the values before, then the error; then it is at its end', async t => {
  const py = await spawned(t, 'iterating.py')
  const error = new RangeError('no more', { cause: new Error('worn out') })
  const throwing = {
    *plain() {
      yield 1
      throw error
    },
    async *later() {
      yield 1
      throw error
    },
  }
  for (const kind of kinds) {
    t.strictSame(await py.call('catch', throwing[kind]()), {
      seen: [1],
      type: 'JavaScriptError',
      name: 'RangeError',
      message: 'RangeError: no more',
      cause: 'Error: worn out',
      after: [],
    })
    t.equal(await py.call('catch_later', throwing[kind]()), 'JavaScriptError')
    const uncaught = await rejection(py.call('as_list', throwing[kind]()))
    t.match(uncaught, { code: 'ERR_PYTHON', cause: { message: /worn out/ } })
    t.match(uncaught.message, 'no more')
  }
})

t.test('one that cannot be begun, or yields what cannot cross', async t => {
  const py = await spawned(t, 'iterating.py')
  const broken = {
    [Symbol.iterator]() {
      throw new Error('not today')
    },
  }
  t.match(await py.call('catch', broken), { type: 'JavaScriptError', message: /not today/ })
  const wrong = await py.call('catch', [1, Symbol('s'), 3].values())
  t.match(wrong, { seen: [1], type: 'UnsupportedValueError', message: /symbol/ })
  t.equal(await py.call('echo', 1), 1)
})

t.test('a call that is aborted closes what it was reading', async t => {
  const py = await spawned(t, 'iterating.py')
  for (const name of ['as_list', 'as_list_later']) {
    const source = new Source()
    const controller = new AbortController()
    const call = rejection(py.with({ signal: controller.signal }).call(name, source.later()))
    await until('it is read', () => source.drawn > 10)
    controller.abort()
    t.equal((await call).code, 'ERR_ABORTED')
    await source.isClosed()
    t.equal(await within('the next call', py.call('echo', 1)), 1)
  }
})

t.test('its finally may call: it does not run while messages are read', async t => {
  const py = await spawned(t, 'iterating.py')
  let results: unknown[] = []
  function* values() {
    try {
      yield* [1, 2, 3]
    } finally {
      results = [py.callSync('echo', 'a'), py.callSync('echo', 'b'.repeat(1000))]
    }
  }
  // The answers come together, so that some are not read yet when the first of them ends its iterator.
  const calls = [py.call('take', values(), 2), ...'xyz'.split('').map(x => py.call('echo', x))]
  const [, ...echoes] = await within('the calls', Promise.all(calls))
  t.strictSame(echoes, ['x', 'y', 'z'])
  await until('finally has run', () => results.length > 0)
  t.strictSame(results, ['a', 'b'.repeat(1000)])
})

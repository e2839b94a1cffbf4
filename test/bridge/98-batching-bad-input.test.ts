// What goes wrong with one item, with a batch, and with the function: who hears of it, and who does not.
import { type BatchResultError, kwargs, type PythonError, type Tensor } from 'isthmus'
import t from 'tap'
import { all, running, script, upTo } from '../fixtures/batching.js'
import { bridgeFor } from '../fixtures/bridges.js'
import { gatesOf } from '../fixtures/gates.js'
import { poolFor } from '../fixtures/pools.js'
import { within } from '../fixtures/watchdog.js'
import { rejection } from './spawned.js'

const settle = (calls: Promise<unknown>[]) => within('all settle', Promise.allSettled(calls))

t.test('a row of another dtype or shape fails alone, whatever is called with it', async t => {
  const py = await bridgeFor(t, script)
  const rows = [
    new Float32Array(256).fill(1),
    new Float64Array(256),
    new Float32Array(256).fill(2),
    new Float32Array(255),
    new Float32Array(0),
    py.tensor('float32', [16, 16]),
    'a row',
    new Float32Array(256).fill(3),
  ]
  const outcomes = await settle(rows.map(row => py.call('strict', row)))
  const wrong = [1, 3, 4, 5, 6]
  for (const [at, outcome] of outcomes.entries())
    if (wrong.includes(at)) t.match(outcome, { reason: { code: 'ERR_PYTHON', type: 'TypeError' } })
    else t.match(outcome, { status: 'fulfilled' })
  t.same(
    [0, 2, 7].map(at => (outcomes[at] as { value: unknown }).value),
    [256, 512, 768],
  )
})

t.test(
  'values that cannot cross reject their own call, with the path, before it is gathered',
  async t => {
    const py = await bridgeFor(t, script)
    const cycle: unknown[] = []
    cycle.push([cycle])
    const foreign = (await bridgeFor(t, script)).tensor('float32', [2])
    const gone = py.tensor('float32', [2])
    gone.dispose()
    const bad: [unknown, string, string | undefined][] = [
      [() => 1, 'ERR_VALUE', 'args[0]'],
      [{ a: [1, Symbol('s')] }, 'ERR_VALUE', 'args[0].a[1]'],
      [cycle, 'ERR_VALUE', 'args[0][0][0]'],
      ['\ud800', 'ERR_VALUE', 'args[0]'],
      [new Set([1]), 'ERR_VALUE', 'args[0]'],
      [[foreign], 'ERR_FOREIGN_TENSOR', undefined],
      [foreign, 'ERR_FOREIGN_TENSOR', undefined],
      [gone, 'ERR_DISPOSED', undefined],
      [{ gone }, 'ERR_DISPOSED', undefined],
      [(function* () {})(), 'ERR_VALUE', 'args[0]'],
    ]
    const calls = bad.flatMap(([value], at) => [py.call('echo', value), py.call('echo', at)])
    const outcomes = await settle(calls)
    for (const [at, [, code, path]] of bad.entries()) {
      t.match(outcomes[2 * at], { reason: path === undefined ? { code } : { code, path } })
      t.match(outcomes[2 * at + 1], { value: at })
    }
    t.match(await rejection(py.call('pair', new Float32Array(1), () => 1)), {
      path: 'args[1]',
      message: /not marked with @isthmus.batch/,
    })
    const object = await py.create('Plain')
    t.match(await rejection(py.call('echo', [object])), {
      path: 'args[0][0]',
      message: /object of the worker/,
    })
    t.same(await py.call('sizes'), [8, 2])
    t.equal(py.stats().batches.pair!.items, 0)
  },
)

t.test('keywords cannot be gathered, and the signature is that of the function', async t => {
  const py = await bridgeFor(t, script)
  const [named, none, many, good] = await settle([
    py.call('echo', 1, kwargs({ b: 2 })),
    py.call('echo'),
    py.call('echo', 1, 2),
    py.call('echo', 3),
  ])
  t.match(named, { reason: { code: 'ERR_ARGUMENTS', message: /pass b by position/ } })
  t.match(none, { reason: { code: 'ERR_ARGUMENTS' } })
  t.match(many, { reason: { code: 'ERR_ARGUMENTS' } })
  t.match(good, { value: 3 })
})

t.test('an exception among the results fails that item, and only that', async t => {
  const py = await bridgeFor(t, script)
  const outcomes = await settle([1, -1, 2, -3].map(item => py.call('picky', item)))
  t.match(outcomes[0], { value: 10 })
  t.match(outcomes[1], {
    reason: { code: 'ERR_PYTHON', type: 'ValueError', message: /-1 is negative/ },
  })
  t.match(outcomes[2], { value: 20 })
  t.match(outcomes[3], { reason: { pythonMessage: '-3 is negative' } })
})

t.test(
  'the function raises: every item of the batch rejects, with an error of its own',
  async t => {
    const py = await bridgeFor(t, script)
    const errors = await Promise.all(
      [1, -2, 3].map(item => rejection<PythonError>(py.call('picky', item))),
    )
    for (const error of errors)
      t.match(error, { code: 'ERR_PYTHON', type: 'LookupError', notes: ['in a batch of 3'] })
    t.equal(new Set(errors).size, 3)
    t.match(errors[1]!.traceback, /batching\.py/)
    t.equal(await py.call('picky', 4), 40, 'the next batch does not notice')
  },
)

t.test('a wrong number of results fails the batch, and says what to return', async t => {
  const py = await bridgeFor(t, script)
  for (const [name, words] of [
    ['short', /given 3 items and returned 2 results.*one result for each item/s],
    ['returns_none', /returned None/],
    ['returns_scalar', /returned a value of type int/],
    ['returns_rows', /array of shape \(4, 2\)/],
  ] as const) {
    const errors = await Promise.all(
      upTo(3).map(item => rejection<BatchResultError>(py.call(name, item))),
    )
    for (const error of errors) {
      t.match(error, { name: 'BatchResultError', code: 'ERR_BATCH_RESULT' })
      t.match(error.message, words)
    }
    t.equal(new Set(errors).size, 3)
  }
  t.equal(await py.call('echo', 'still here'), 'still here')
})

t.test('a result that cannot cross fails its item alone', async t => {
  const py = await bridgeFor(t, script)
  const outcomes = await settle(upTo(4).map(at => py.call('one_odd', at)))
  t.match(outcomes[2], { reason: { code: 'ERR_VALUE' } })
  for (const at of [0, 1, 3]) t.match(outcomes[at], { value: at })
})

t.test(
  'a batch that never returns: each item has its timeout, and kill frees the place',
  async t => {
    const py = await bridgeFor(t, script, { restart: { delay: 0 } })
    const reached = gatesOf(t)()
    const impatient = py.with({ timeout: 1000, kill: 50 })
    const stuck = upTo(3).map(() => impatient.call('stubborn', reached.path))
    const outcomes = settle(stuck)
    await reached.opened()
    const behind = py.call('stubborn', '')
    for (const outcome of await outcomes) t.match(outcome, { reason: { code: 'ERR_TIMEOUT' } })
    t.equal(await within('the next worker', behind), '', 'it waited, and went to the next worker')
  },
)

t.test('NaN, infinities and -0 cross as they are', async t => {
  const py = await bridgeFor(t, script)
  const row = new Float64Array([Number.NaN, Infinity, -Infinity, -0])
  const results = await all<Tensor<'float64'>>(
    py,
    upTo(3).map(() => py.call('rows_of', row)),
  )
  for (const result of results)
    t.ok([...result.data].every((value, at) => Object.is(value, row[at])))
  t.same(
    await all(
      py,
      upTo(2).map(() => py.call('sums', new Float32Array([Number.NaN, 1]))),
    ),
    [Number.NaN, Number.NaN],
  )
})

t.test('empty texts and texts of 1 MB in one batch', async t => {
  const py = await bridgeFor(t, script)
  const texts = upTo(8).map(at => (at % 2 === 0 ? '' : `${at}ä`.repeat(350_000)))
  const results = await all(
    py,
    texts.map(text => py.call('echo', text)),
  )
  t.ok(results.every((result, at) => result === texts[at]))
  t.same(await py.call('sizes'), [8])
})

t.test('values of many MB do not become one message: the batch is split', async t => {
  const py = await bridgeFor(t, script)
  const large = Buffer.alloc(30 * 2 ** 20, 'x')
  const sizes = await all(
    py,
    upTo(5).map(() => py.call('length', large)),
  )
  t.same(sizes, upTo(5).fill(large.length))
  t.same(await py.call('sizes'), [2, 2, 1])
})

t.test('no memory for a row: that call rejects, and smaller ones are served', async t => {
  const py = await bridgeFor(t, script, { memory: '8MiB' })
  const calls = [
    py.call('sums', new Float32Array(2).fill(1)),
    py.call('sums', new Float32Array(2 ** 22)),
    py.call('sums', new Float32Array(2).fill(2)),
  ]
  const [first, large, last] = await settle(calls)
  t.match(large, { reason: { code: 'ERR_ARENA_FULL' } })
  t.match(first, { value: 2 })
  t.match(last, { value: 4 })
})

t.test('rows that are large against the memory have smaller batches', async t => {
  for (const options of [{ memory: '64MiB' }, { arena: '64MiB' }]) {
    const py = await bridgeFor(t, script, options)
    const row = new Float32Array(2 ** 19)
    const sums = await all(
      py,
      upTo(6).map(at => py.call('sums', row.fill(at))),
    )
    t.same(
      sums,
      upTo(6).map(at => at * row.length),
    )
    t.same(await py.call('sizes'), [4, 2])
  }
})

t.test('a row with as many axes as there can be is refused, and the worker goes on', async t => {
  const py = await bridgeFor(t, script)
  const most = py.tensor('int8', upTo(64).fill(1))
  t.match(await rejection(py.call('sums', most)), { code: 'ERR_SHAPE', message: /args\[0\].*64/ })
  t.equal(await py.call('sums', most.reshape(upTo(63).fill(1))), 0)
})

t.test('code that runs while an argument is read may abort the call, or make another', async t => {
  const py = await bridgeFor(t, script)
  const controller = new AbortController()
  const aborting = {
    get a() {
      controller.abort()
      return 1
    },
  }
  const { signal } = controller
  t.match(await rejection(py.with({ signal }).call('echo', aborting)), { code: 'ERR_ABORTED' })
  let inner: Promise<unknown> | undefined
  const calling = {
    get a() {
      inner ??= py.call('echo', 'inner')
      return 1
    },
  }
  t.same(await py.call('echo', calling), { a: 1 })
  t.equal(await inner, 'inner')
  const tensor = py.tensor.from([1, 2])
  const disposing = {
    get a() {
      tensor.dispose()
      return 1
    },
  }
  t.match(await rejection(py.call('pair', tensor, disposing)), { code: 'ERR_DISPOSED' })
  t.equal(await py.call('pair', new Float32Array([1]), 'x'), 'x: 1.0')
  const { ownBlocks } = py.stats()
  t.ok(ownBlocks <= 1, `${ownBlocks} blocks`)
})

t.test('in a callback of the only thread, a batch would wait for itself: ERR_BLOCKED', async t => {
  const py = await bridgeFor(t, script)
  const inside = py.call('call_it', () => py.call('echo', 1))
  t.match(await rejection(inside), { code: 'ERR_BLOCKED' })
})

t.test(
  'a flood beyond maxQueue: refused at once, the rest is answered, memory is bounded',
  async t => {
    const py = await poolFor(t, { maxQueue: 64 }, script)
    const gates = [await running(t, py, 'gated'), await running(t, py, 'gated')]
    const row = new Float32Array(1024)
    const calls = upTo(20_000).map(() => py.call('gated', '', row))
    const outcomes = settle(calls)
    t.equal(py.stats().batches.gated!.waiting, 64)
    t.ok(py.stats().ownBytes <= 100 * 4096 + 2 ** 20)
    for (const { open } of gates) open()
    const kinds = new Map<string, number>()
    for (const each of await outcomes) {
      const kind = each.status === 'fulfilled' ? 'served' : (each.reason as { code: string }).code
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    }
    t.same([...kinds.keys()].sort(), ['ERR_QUEUE_FULL', 'served'])
    t.ok(kinds.get('served')! >= 64)
  },
)

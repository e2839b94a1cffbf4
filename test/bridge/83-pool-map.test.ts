// map: one call becomes many, on rows of a tensor or on items of an array.
import { readdirSync } from 'node:fs'
import { kwargs, type Tensor } from 'isthmus'
import t from 'tap'
import { bridgeFor } from '../fixtures/bridges.js'
import { folderFor, gateFor, pidsOf, poolFor, settledPool } from '../fixtures/pools.js'
import { until, within } from '../fixtures/watchdog.js'

type Doubles = Tensor<'float64'>
type Rows = [pid: number, first: number, count: number]

const ramp = (rows: number, columns: number) =>
  Float64Array.from({ length: rows * columns }, (_, at) => Math.floor(at / columns))

t.test(
  'a tensor is split along its first axis: every row once, in order, in all workers, no copy',
  async t => {
    const py = await poolFor(t)
    const tensor = py.tensor.from(ramp(1003, 100), { shape: [1003, 100] })
    const { copiedBytes } = py.stats()
    const chunks = (await within('map', py.map('rows_of', tensor))) as Rows[]
    t.equal(chunks.length, 8, 'four for each worker')
    let row = 0
    for (const [, first, count] of chunks) {
      t.equal(first, row)
      row += count
    }
    t.equal(row, 1003)
    const sums = (await within('map', py.map('total', tensor, { chunk: 10 }))) as number[]
    t.equal(sums.length, 101)
    t.equal(
      sums.reduce((a, b) => a + b),
      (100 * 1003 * 1002) / 2,
    )
    t.equal(py.stats().copiedBytes, copiedBytes)
    tensor.dispose()
    await settledPool(
      py,
      'nothing is left',
      ({ ownBlocks, leases }) => ownBlocks === 0 && leases === 0,
    )
  },
)

t.test('both workers take part', async t => {
  const py = await poolFor(t)
  const gate = gateFor(t)
  const mapped = py.map('wait_for', [gate.path, gate.path], { chunk: 1 })
  await until(
    'two are under way',
    () => py.stats().workers.every(({ running }) => running === 1),
    () => py.stats(),
  )
  gate.open()
  t.same((await within('map', mapped)).sort(), pidsOf(py).sort())
})

t.test('into: results are written to the rows of a tensor, which is the result', async t => {
  const py = await poolFor(t)
  const rows = py.tensor.from(ramp(500, 40), { shape: [500, 40] })
  const into = py.tensor('float64', [500, 40])
  const { copiedBytes } = py.stats()
  const same: Doubles = await within('map', py.map('squares', rows, { into }))
  t.equal(same, into)
  const isSquared = (offset = 0, factor = 0) =>
    into.data.every((value, at) => {
      const row = Math.floor(at / 40)
      return value === (factor === 0 ? row * row : row * factor + offset)
    })
  t.ok(isSquared())
  await within('map', py.map('scaled', rows, { into, chunk: 7, args: [3, kwargs({ offset: 1 })] }))
  t.ok(isSquared(1, 3))
  into.data.fill(0)
  await within('map', py.map('squares_out', rows, { into }))
  t.ok(isSquared(), 'a function that takes `out` gets the rows as that')
  await within('map', py.map('squares', rows, { into: rows }))
  t.equal(rows.at(499, 39), 499 * 499, 'also in place')
  t.equal(py.stats().copiedBytes, copiedBytes)
})

t.test('strided rows, and rows of other axes', async t => {
  const py = await poolFor(t)
  const tensor = py.tensor.from(ramp(60, 8), { shape: [60, 4, 2] })
  const middle = tensor.subarray(10, 50)
  const sums = (await within('map', py.map('total', middle, { chunk: 1 }))) as number[]
  t.same(
    sums,
    Array.from({ length: 40 }, (_, at) => (10 + at) * 8),
  )
  const one = py.tensor.from(new Float64Array([3]))
  t.same(await within('map', py.map('total', one)), [3])
})

t.test(
  'an array: the function is called for each item, `chunk` of them in one message',
  async t => {
    const py = await poolFor(t)
    const items = Array.from({ length: 1001 }, (_, at) => at)
    const calls = py.stats().calls
    t.same(
      await within('map', py.map('double', items)),
      items.map(item => 2 * item),
    )
    t.equal(py.stats().calls - calls, 8)
    t.same(await within('map', py.map('refuse', [1, 2, 3], { chunk: 2, args: [9] })), [1, 2, 3])
    t.same(await within('map', py.map('double', [])), [])
    t.same(await within('map', py.map('numbers_list', [1, 2])), [[0], [0, 1]], 'lists stay lists')
    const tensors = [1, 2, 3].map(value => py.tensor.from(new Float64Array([value, value])))
    t.same(await within('map', py.map('total', tensors)), [2, 4, 6])
  },
)

t.test('the first error rejects, and the rest is not run', async t => {
  const py = await poolFor(t)
  const folder = folderFor(t)
  const items = Array.from({ length: 10_000 }, (_, at) => at)
  await t.rejects(within('map', py.map('refuse', items, { chunk: 100, args: [150] })), {
    code: 'ERR_PYTHON',
    message: 'ValueError: not 150',
  })
  const names = Array.from({ length: 2000 }, (_, at) => (at === 0 ? 'no/such/folder' : String(at)))
  await t.rejects(within('map', py.map('touch_in', names, { chunk: 1, args: [folder] })), {
    code: 'ERR_PYTHON',
  })
  await py.broadcast('pid')
  t.ok(readdirSync(folder).length < 100, 'at most what was under way')
  t.equal(py.stats().queued, 0)
})

t.test('a signal ends a map, with what runs and what does not yet', async t => {
  const py = await poolFor(t)
  const controller = new AbortController()
  const mapped = py.map('wait_for', Array(50).fill('/nowhere'), {
    chunk: 1,
    signal: controller.signal,
  })
  await until(
    'two are under way',
    () => py.stats().workers.every(({ running }) => running === 1),
    () => py.stats(),
  )
  controller.abort('enough')
  await t.rejects(within('map', mapped), { code: 'ERR_ABORTED', cause: 'enough' })
  t.equal(py.stats().queued, 0)
  t.same(await within('broadcast', py.broadcast('double', 1), () => py.stats()), [2, 2])
  await t.rejects(py.map('double', [1], { signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' })
})

t.test('a map makes no long queue, and others get their turn', async t => {
  const py = await poolFor(t, { maxQueue: 1 })
  const gate = gateFor(t)
  const mapped = py.map('wait_for', Array(100).fill(gate.path), { chunk: 1 })
  t.equal(py.stats().queued, 2)
  const other = py.call('pid')
  await t.rejects(
    py.call('pid'),
    { code: 'ERR_QUEUE_FULL' },
    'what waits of the map is not counted',
  )
  gate.open()
  t.equal((await within('map', mapped)).length, 100)
  t.ok(pidsOf(py).includes((await other) as number))
})

t.test('the tensors may be given up while the map runs', async t => {
  const py = await poolFor(t)
  const rows = py.tensor.from(ramp(400, 10), { shape: [400, 10] })
  const mapped = py.map('total', rows, { chunk: 1 })
  rows.dispose()
  t.equal(
    ((await within('map', mapped)) as number[]).reduce((a, b) => a + b),
    (10 * 400 * 399) / 2,
  )
  await settledPool(
    py,
    'nothing is left',
    ({ ownBlocks, leases }) => ownBlocks === 0 && leases === 0,
  )
})

t.test('wrong rows are refused before anything is sent', async t => {
  const py = await poolFor(t)
  const other = await bridgeFor(t, { source: 'x = 1' })
  const rows = py.tensor('float64', [6, 2])
  const { calls } = py.stats()
  const cases: [unknown, object, { code: string; message?: RegExp; path?: string }][] = [
    [
      py.tensor('float64', [0, 3]),
      {},
      { code: 'ERR_SHAPE', message: /items has no rows.*\[0, 3\]/ },
    ],
    [py.tensor('float64', []), {}, { code: 'ERR_SHAPE', message: /0-d/ }],
    [rows, { into: py.tensor('float64', [5, 2]) }, { code: 'ERR_SHAPE', message: /5 rows.* 6/ }],
    [rows, { into: py.tensor('float64', []) }, { code: 'ERR_SHAPE', message: /into.*0-d/ }],
    [rows, { into: [] }, { code: 'ERR_VALUE', path: 'into' }],
    [rows, { into: other.tensor('float64', [6, 2]) }, { code: 'ERR_FOREIGN_TENSOR', path: 'into' }],
    [other.tensor('float64', [6]), {}, { code: 'ERR_FOREIGN_TENSOR', path: 'items' }],
    [[1, 2], { into: rows }, { code: 'ERR_VALUE', path: 'into' }],
    [new Float64Array(3), {}, { code: 'ERR_VALUE', path: 'items' }],
    ['rows', {}, { code: 'ERR_VALUE', path: 'items' }],
    [rows, { chunk: 0 }, { code: 'ERR_OPTION', message: /chunk/ }],
    [rows, { chunks: 2 }, { code: 'ERR_OPTION', message: /did you mean 'chunk'/ }],
    [rows, { args: 3 }, { code: 'ERR_OPTION', message: /args/ }],
  ]
  for (const [source, options, expected] of cases)
    await t.rejects(py.map('squares', source as Tensor, options), expected)
  t.equal(py.stats().calls, calls)
})

t.test('a result that does not fit `into` says so', async t => {
  const py = await poolFor(t)
  const rows = py.tensor('float64', [6, 2])
  const into = py.tensor('float64', [6, 2])
  await t.rejects(within('map', py.map('wrong_rows', rows, { into, chunk: 3 })), {
    code: 'ERR_ARGUMENTS',
    message: /\(?4, 2\)?.*\(?3, 2\)?|\(?3, 2\)?.*\(?4, 2\)?/,
  })
  const whole = py.tensor('int32', [6, 2])
  await t.rejects(within('map', py.map('squares', rows, { into: whole })), {
    code: 'ERR_ARGUMENTS',
    message: /float64.*int32|int32.*float64/,
  })
})

t.test('chunk: Infinity is one call', async t => {
  const py = await poolFor(t)
  t.strictSame(await within('map', py.map('double', [1, 2, 3], { chunk: Infinity })), [2, 4, 6])
  const rows = (await within(
    'map',
    py.map('rows_of', py.tensor('float64', [10, 2]), { chunk: Infinity }),
  )) as Rows[]
  t.equal(rows.length, 1)
})

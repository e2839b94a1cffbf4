// Single calls that become batches: who gets which result, what goes together, and what is copied.
import type { Tensor } from 'isthmus'
import t from 'tap'
import { all, running, script, upTo } from '../fixtures/batching.js'
import { bridgeFor } from '../fixtures/bridges.js'
import { gatesOf } from '../fixtures/gates.js'
import { until, within } from '../fixtures/watchdog.js'
import { rejection } from './spawned.js'

type Floats = Tensor<'float32'>

/** What was called together has been looked at. */
const turn = () => new Promise(resolve => setImmediate(() => setImmediate(resolve)))

t.test('calls made at the same time go together, and each gets its own result', async t => {
  const py = await bridgeFor(t, script)
  const results = await all(
    py,
    upTo(5).map(at => py.call('echo', at)),
  )
  t.same(results, [0, 1, 2, 3, 4])
  t.same(await py.call('sizes'), [5])
  t.same(await py.fn.echo!('alone'), 'alone')
  t.same(await py.call('sizes'), [1])
})

t.test('no batch is larger than max_size', async t => {
  const py = await bridgeFor(t, script)
  const results = await all(
    py,
    upTo(20).map(at => py.call('echo', at)),
  )
  t.same(results, upTo(20))
  t.same(await py.call('sizes'), [8, 8, 4])
})

t.test('rows arrive as one array, and every byte of them is copied exactly once', async t => {
  const py = await bridgeFor(t, script)
  const rows = upTo(100).map(at => new Float32Array(256).fill(at))
  const results = await all(
    py,
    rows.map(row => py.call('sums', row)),
  )
  t.same(
    results,
    upTo(100).map(at => at * 256),
  )
  t.same(await py.call('sizes'), [32, 32, 32, 4])
  t.equal(py.stats().copiedBytes, 100 * 1024)
})

t.test('rows of a tensor are gathered too, whatever their strides', async t => {
  const py = await bridgeFor(t, script)
  using whole = py.tensor.from(
    upTo(24).map(at => [at, -at, 100]),
    { dtype: 'float64' },
  )
  const results = await all<number>(
    py,
    upTo(24).map(at => {
      using row = whole.subarray(at, at + 1)
      return py.call('sums', row)
    }),
  )
  t.same(results, upTo(24).fill(100))
  const strided = (await py.call('slices', new Float32Array([1, 2, 3, 4]))) as Floats
  t.equal(strided.isContiguous, false)
  t.same(
    [...upTo(2)].map(at => strided.at(at)),
    [1, 3],
  )
  t.equal(await py.call('sums', strided), 4)
})

t.test('a row of an array result is a tensor over the memory of all of them', async t => {
  const py = await bridgeFor(t, script)
  const results = await all<Floats>(
    py,
    upTo(32).map(at => py.call('doubled', new Float32Array(4096).fill(at))),
  )
  const copied = py.stats().copiedBytes
  results.forEach((row, at) => {
    t.same(row.shape, [4096])
    t.ok(row.data.every(value => value === 2 * at))
  })
  t.equal(copied, 32 * 4096 * 4, 'the rows on their way there; nothing on the way back')
  for (const row of results.slice(1)) row.dispose()
  t.ok(
    results[0]!.data.every(value => value === 0),
    'one that is kept outlives the others',
  )
})

t.test('what the caller does to its arguments after the call changes nothing', async t => {
  const py = await bridgeFor(t, script)
  const first = await running(t, py)
  const row = new Float32Array([1, 2])
  const list = [1, [2]]
  const sum = py.call('sums', row)
  const same = py.call('echo', list)
  const tensor = py.tensor.from([5, 6])
  const nested = py.call('echo', { tensor })
  row.fill(9)
  list.push(3)
  tensor.dispose()
  first.open()
  t.equal(await sum, 3)
  t.same(await same, [1, [2]])
  const { tensor: back } = (await nested) as { tensor: Tensor }
  t.same([back.at(0), back.at(1)], [5, 6])
})

t.test('columns of arrays and of values stand side by side', async t => {
  const py = await bridgeFor(t, script)
  const results = await all(
    py,
    upTo(6).map(at => py.call('pair', new Float64Array([at, 1]), `item ${at}`)),
  )
  t.same(
    results,
    upTo(6).map(at => `item ${at}: ${at + 1}.0`),
  )
  t.same(await py.call('sizes'), [4, 2])
})

t.test('texts, bytes, lists, objects with tensors: lists of values', async t => {
  const py = await bridgeFor(t, script)
  const values = ['', 'text', [1, 'x'], null, { a: new Float32Array([1, 2]) }, Buffer.from('bytes')]
  const results = (await all(
    py,
    values.map(value => py.call('echo', value)),
  )) as unknown[]
  t.same(results.slice(0, 4), values.slice(0, 4))
  t.same([...(results[4] as { a: Floats }).a.data], [1, 2])
  t.same(results[5], values[5])
  t.same(await py.call('sizes'), [6])
})

t.test('rows of other dtypes and shapes never mix', async t => {
  const py = await bridgeFor(t, script)
  const items = [
    new Float32Array(2),
    new Float64Array(2),
    new Float32Array(3),
    'text',
    py.tensor('float32', [2, 2]),
    py.tensor('float32', []),
    new Float32Array(2),
    7,
    new Float32Array(0),
  ]
  const kinds = await all(
    py,
    items.map(item => py.call('kinds', item)),
  )
  t.same(kinds, [
    'float32[2, 2]',
    'float64[1, 2]',
    'float32[1, 3]',
    'str of 2',
    'float32[1, 2, 2]',
    'float32[1]',
    'float32[2, 2]',
    'int of 2',
    'float32[1, 0]',
  ])
})

t.test('async def: items that wait for its batch go together when it has ended', async t => {
  const py = await bridgeFor(t, script)
  const first = await running(t, py, 'gated_later')
  const others = upTo(3).map(() => py.call('gated_later', ''))
  t.equal(py.stats().batches.gated_later!.waiting, 3)
  first.open()
  t.equal(await first.result, 1)
  t.same(await all(py, others), [3, 3, 3])
  const rows = upTo(40).map(at => py.call('doubled_later', new Float32Array([at])))
  t.same(
    (await all<Floats>(py, rows)).map(row => row.at(0)),
    upTo(40).map(at => 2 * at),
  )
})

t.test('while a batch runs, others form; the next full one is sent ahead', async t => {
  const py = await bridgeFor(t, script)
  const first = await running(t, py)
  const others = upTo(6).map(() => py.call('gated', ''))
  t.match(py.stats().batches.gated, { waiting: 2, running: 2 })
  first.open()
  t.same(await all(py, [first.result, ...others]), [1, 4, 4, 4, 4, 2, 2])
  t.match(py.stats().batches.gated, { waiting: 0, running: 0, items: 7, batches: 3 })
})

t.test('a batch that waited for a place goes before younger ones that are full', async t => {
  const py = await bridgeFor(t, script)
  const gate = await running(t, py)
  const ahead = upTo(4).map(() => py.call('gated', ''))
  const few = py.call('gated', '', new Float32Array(3))
  await turn()
  const many = upTo(8).map(() => py.call('gated', ''))
  gate.open()
  t.same(await all(py, [...ahead, ...many, few]), [...upTo(12).fill(4), 1])
  t.same(await py.call('sizes'), [1, 4, 1, 4, 4])
})

t.test('calls that never stop coming do not hold up a row of another shape', async t => {
  const py = await bridgeFor(t, script)
  let goOn = true
  const callers = upTo(8).map(async () => {
    while (goOn) await py.call('kinds', 0)
  })
  await turn()
  t.equal(await within('the row', py.call('kinds', new Int8Array(3))), 'int8[1, 3]')
  goOn = false
  await Promise.all(callers)
})

t.test('concurrency: as many batches run at a time', async t => {
  const py = await bridgeFor(t, script, { threads: 2 })
  const first = await running(t, py, 'together')
  const second = await running(t, py, 'together')
  second.open()
  t.equal(await second.result, 1)
  first.open()
  t.equal(await first.result, 1)
})

t.test('every other way to call makes a batch of one', async t => {
  const py = await bridgeFor(t, script)
  t.equal(py.callSync('echo', 'x'), 'x')
  t.equal(py.callSync('sums', new Float32Array([1, 2])), 3)
  t.same(await py.call('sizes'), [1, 1])
})

for (const gone of [[0], [3], [1, 2], [0, 3], [0, 1, 2, 3], [2, 0]])
  t.test(`items ${gone} give up before their batch is sent: they leave it`, async t => {
    const py = await bridgeFor(t, script)
    const first = await running(t, py, 'pair_gated')
    const copied = py.stats().copiedBytes
    const controllers = upTo(5).map(() => new AbortController())
    const calls = controllers.map(({ signal }, at) =>
      py.with({ signal }).call('pair_gated', `${at}`, new Float64Array([at, at])),
    )
    for (const at of gone) controllers[at]!.abort()
    t.equal(py.stats().batches.pair_gated!.waiting, 5 - gone.length)
    first.open()
    const outcomes = await within('all settle', Promise.allSettled(calls))
    for (const [at, outcome] of outcomes.entries())
      if (gone.includes(at)) t.match(outcome, { reason: { code: 'ERR_ABORTED' } })
      else t.match(outcome, { value: `${at}: ${2 * at}.0 of ${5 - gone.length}` })
    t.ok(py.stats().copiedBytes - copied <= 16 * (5 + gone.length), 'a row may have moved')
  })

t.test('a timeout rejects one item of a batch that runs; the others get their results', async t => {
  const py = await bridgeFor(t, script)
  const first = await running(t, py)
  const hasty = py.with({ timeout: 5 })
  const calls = [py.call('gated', ''), hasty.call('gated', ''), py.call('gated', '')]
  t.match(await rejection(calls[1]!), { code: 'ERR_TIMEOUT', timeout: 5 })
  first.open()
  t.same(await all(py, [calls[0]!, calls[2]!]), [2, 2])
})

t.test('an item gives up when its batch was sent: the others get their results', async t => {
  const py = await bridgeFor(t, script)
  const first = await running(t, py)
  const controller = new AbortController()
  const { signal } = controller
  const calls = [py.with({ signal }).call('gated', ''), ...upTo(3).map(() => py.call('gated', ''))]
  t.equal(py.stats().batches.gated!.running, 2, 'it is full, and sent')
  controller.abort()
  t.match(await rejection(calls[0]!), { code: 'ERR_ABORTED' })
  first.open()
  t.same(await all(py, calls.slice(1)), [4, 4, 4])
})

t.test('when all items of a batch have given up, what runs is interrupted', async t => {
  const py = await bridgeFor(t, script)
  const reached = gatesOf(t)()
  const controllers = upTo(2).map(() => new AbortController())
  const calls = controllers.map(({ signal }) => py.with({ signal }).call('never', reached.path))
  await reached.opened()
  controllers[0]!.abort()
  t.match(await rejection(calls[0]!), { code: 'ERR_ABORTED' })
  t.equal(py.stats().pending, 1, 'somebody waits for it still')
  controllers[1]!.abort()
  t.match(await rejection(calls[1]!), { code: 'ERR_ABORTED' })
  t.equal(await within('the worker is free again', py.call('echo', 1)), 1)
  t.match(py.stats().batches.never, { running: 0, waiting: 0 })
})

t.test('an idle function adds no wait: an item that comes alone goes alone', async t => {
  const py = await bridgeFor(t, script)
  for (const at of upTo(50)) t.equal(await py.call('echo', at), at)
  t.same(await py.call('sizes'), upTo(50).fill(1))
})

t.test('progress of a batch reaches every item that listens', async t => {
  const py = await bridgeFor(t, script)
  const heard: [number, number][] = []
  const listening = (at: number) =>
    py.with({ onProgress: fraction => heard.push([at, fraction]) }).call('reporting', at)
  await all(py, [listening(0), py.call('reporting', 1), listening(2)])
  t.same(heard.sort(), [
    [0, 0.5],
    [2, 0.5],
  ])
})

t.test('figures and histograms tell of items and batches, and can be reset', async t => {
  const py = await bridgeFor(t, script)
  await all(
    py,
    upTo(12).map(at => py.call('echo', at)),
  )
  const { echo } = py.stats().batches
  t.match(echo, {
    waiting: 0,
    running: 0,
    items: 12,
    batches: 2,
    size: { count: 2, mean: 6, max: 8 },
  })
  t.equal(echo!.wait.count, 12)
  t.ok(echo!.fixed >= 0 && echo!.perItem >= 0)
  const histograms = py.batches.get('echo')!
  t.equal(histograms.size.count, 2)
  histograms.size.reset()
  histograms.wait.reset()
  t.equal(py.stats().batches.echo!.size.count, 0)
  t.equal(py.stats().batches.echo!.items, 12)
  t.same(Object.keys(py.stats().batches).includes('plain'), false)
})

t.test('nothing of a batch is held when it has been answered', async t => {
  const py = await bridgeFor(t, script)
  await all(
    py,
    upTo(40).map(at => py.call('sums', new Float32Array(1024).fill(at))),
  )
  await all(
    py,
    upTo(8).map(at => py.call('kinds', { x: new Float32Array(1024).fill(at) })),
  )
  await until(
    'nothing is held',
    async () => {
      globalThis.gc!()
      await new Promise(resolve => setImmediate(resolve))
      await py.call('nothing')
      const { leases, ownBlocks, borrowedBlocks } = py.stats()
      return leases === 0 && ownBlocks === 0 && borrowedBlocks === 0
    },
    () => py.stats(),
  )
})

t.test('maxQueue: items beyond it reject with ERR_QUEUE_FULL, and the rest is served', async t => {
  const py = await bridgeFor(t, script, { maxQueue: 3 })
  const first = await running(t, py)
  const calls = upTo(10).map(() => py.call('gated', ''))
  const outcomes = Promise.allSettled(calls)
  t.match(py.stats().batches.gated, { waiting: 3 })
  t.match(await rejection(calls[9]!), { code: 'ERR_QUEUE_FULL', maxQueue: 3 })
  first.open()
  const refused = (await outcomes).filter(({ status }) => status === 'rejected')
  t.equal(refused.length, 7)
  t.equal(await py.call('gated', ''), 1)
})

t.test('maxQueue: batches that waited for the next worker are not refused by it', async t => {
  const py = await bridgeFor(t, script, { window: 1, maxQueue: 0, restart: { delay: 0 } })
  const gate = await running(t, py)
  gate.result.catch(() => {})
  process.kill(py.pid, 'SIGKILL')
  await rejection(gate.result)
  const calls = upTo(8).map(at => py.call(at < 4 ? 'gated' : 'pair_gated', ''))
  t.same(await all(py, calls), upTo(8).fill(4))
})

t.test('close() with grace: what waits is sent, and answered', async t => {
  const py = await bridgeFor(t, script)
  const first = await running(t, py)
  const calls = upTo(7).map(() => py.call('gated', ''))
  const closed = py.close({ grace: 30_000 })
  await t.rejects(py.call('gated', ''), { code: 'ERR_CLOSED' })
  first.open()
  t.same(await all(py, calls), [4, 4, 4, 4, 3, 3, 3])
  await within('close', closed)
})

t.test('close() without grace: what waits rejects with the rest', async t => {
  const py = await bridgeFor(t, script)
  await running(t, py)
  const calls = upTo(7).map(() => py.call('gated', ''))
  const outcomes = Promise.allSettled(calls)
  await within('close', py.close())
  t.ok(
    (await outcomes).every(each => each.status === 'rejected' && each.reason.code === 'ERR_CLOSED'),
  )
})

t.test('the worker dies: its batches reject, and items that waited go to the next one', async t => {
  const py = await bridgeFor(t, script, { restart: { delay: 0 } })
  const first = await running(t, py)
  const sent = upTo(4).map(() => py.call('gated', ''))
  const waiting = upTo(2).map(() => py.call('gated', ''))
  const outcomes = Promise.allSettled([first.result, ...sent])
  process.kill(py.pid, 'SIGKILL')
  for (const outcome of await outcomes) t.match(outcome, { reason: { code: 'ERR_WORKER_EXITED' } })
  t.same(await all(py, waiting), [2, 2])
})

t.test('the worker dies and is not restarted: everything rejects with that', async t => {
  const py = await bridgeFor(t, script)
  const first = await running(t, py)
  const calls = [first.result, ...upTo(7).map(() => py.call('gated', ''))]
  const outcomes = Promise.allSettled(calls)
  process.kill(py.pid, 'SIGKILL')
  for (const outcome of await outcomes) t.match(outcome, { reason: { code: 'ERR_WORKER_EXITED' } })
  await t.rejects(py.call('gated', ''), { code: 'ERR_WORKER_EXITED' })
})

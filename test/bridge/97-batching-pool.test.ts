// Batches of a pool: which worker runs them, and what becomes of them when it ends.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Restart, Tensor } from 'isthmus'
import t from 'tap'
import { all, running, script, upTo } from '../fixtures/batching.js'
import { bridgeFor } from '../fixtures/bridges.js'
import { gatesOf } from '../fixtures/gates.js'
import { folderFor, keyFor, next, pidsOf, poolFor } from '../fixtures/pools.js'
import { within } from '../fixtures/watchdog.js'
import { python, rejection } from './spawned.js'

t.test('a batch goes to whichever worker is free, and runs in one of them', async t => {
  const py = await poolFor(t, {}, script)
  const first = await running(t, py)
  const pids = await all(
    py,
    upTo(10).map(() => py.call('where', '')),
  )
  t.same([...new Set(pids)].length, 1, 'the other one')
  const second = await running(t, py)
  t.match(py.stats().batches.gated, { running: 2, waiting: 0 })
  const others = upTo(6).map(() => py.call('gated', ''))
  t.match(py.stats().batches.gated, { running: 3, waiting: 2 }, 'one that is full is sent ahead')
  second.open()
  t.same(await all(py, others), [4, 4, 4, 4, 2, 2], 'without the worker that is busy')
  first.open()
  t.same(await all(py, [first.result, second.result]), [1, 1])
})

t.test('1,000 rows: every result is its own, and every byte is copied once', async t => {
  const py = await poolFor(t, {}, script)
  const results = await all(
    py,
    upTo(1000).map(at => py.call('sums', new Float32Array(16).fill(at))),
  )
  t.ok(results.every((result, at) => result === 16 * at))
  t.equal(py.stats().copiedBytes, 1000 * 64)
  t.match(py.stats().batches.sums, { items: 1000, batches: 32, waiting: 0, running: 0 })
  t.equal(py.stats().calls, 32, 'a batch is one call')
  t.equal(py.batches.get('sums')!.wait.count, 1000)
})

t.test('async def in a pool', async t => {
  const py = await poolFor(t, {}, script)
  const first = await running(t, py, 'gated_later')
  const second = await running(t, py, 'gated_later')
  const others = upTo(3).map(() => py.call('gated_later', ''))
  t.match(py.stats().batches.gated_later, { running: 2, waiting: 3 })
  first.open()
  t.same(await all(py, others), [3, 3, 3])
  second.open()
  t.same(await all(py, [first.result, second.result]), [1, 1])
})

t.test('items of one affinity go together, to the worker of that key', async t => {
  const py = await poolFor(t, {}, script)
  const [one, two] = [await keyFor(py, 0), await keyFor(py, 1)]
  const keys = upTo(12).map(at => (at % 3 === 0 ? one : two))
  const pids = await all(
    py,
    keys.map(affinity => py.with({ affinity }).call('where', '')),
  )
  const [first, second] = pidsOf(py)
  t.same(
    pids,
    keys.map(key => (key === one ? first : second)),
  )
})

t.test(
  'every worker takes `broadcast` as a batch of one, and `map` as one for each item',
  async t => {
    const py = await poolFor(t, {}, script)
    t.same(await py.broadcast('echo', 'x'), ['x', 'x'])
    t.same(await py.map('echo', [1, 2, 3]), [1, 2, 3])
  },
)

t.test('a worker dies: its batch rejects, what waits goes to the others', async t => {
  const py = await poolFor(t, { restart: { delay: 0 } }, script)
  const first = await running(t, py)
  const second = await running(t, py)
  const waiting = upTo(6).map(() => py.call('gated', ''))
  const [pid] = pidsOf(py)
  process.kill(pid!, 'SIGKILL')
  t.match(await rejection(Promise.all([first.result, second.result])), {
    code: 'ERR_WORKER_EXITED',
  })
  t.same(await all(py, waiting), [4, 4, 4, 4, 2, 2])
  first.open()
  second.open()
})

t.test('all workers are down: what waits rejects, and so does every further call', async t => {
  const py = await poolFor(t, { restart: false }, script)
  await running(t, py)
  await running(t, py)
  const outcomes = Promise.allSettled(upTo(70).map(() => py.call('gated', '')))
  for (const pid of pidsOf(py)) process.kill(pid, 'SIGKILL')
  for (const outcome of await within('all reject', outcomes))
    t.match(outcome, { reason: { code: 'ERR_WORKER_EXITED' } })
  await t.rejects(py.call('gated', ''), { code: 'ERR_WORKER_EXITED' })
  t.match(py.stats().batches.gated, { waiting: 0, running: 0 })
})

t.test('no worker is ready: items wait for the next one, and keep the process alive', async t => {
  const py = await poolFor(t, { workers: 1, restart: { delay: 50 } }, script)
  const exited = next(py, 'exit')
  process.kill(pidsOf(py)[0]!, 'SIGKILL')
  await exited
  const results = await all(
    py,
    upTo(20).map(at => py.call('echo', at)),
  )
  t.same(results, upTo(20))
})

t.test('batches that wait for the worker of their affinity do not hold up the other', async t => {
  const py = await poolFor(t, {}, script)
  const [one, two] = [await keyFor(py, 0), await keyFor(py, 1)]
  const busy = py.with({ affinity: one })
  const gate = await running(t, busy)
  const behind = upTo(16).map(() => busy.call('gated', ''))
  t.match(py.stats().batches.gated, { running: 2, waiting: 12 }, 'one is sent ahead')
  t.equal(await within('bound to the other', py.with({ affinity: two }).call('gated', '')), 1)
  t.equal(await within('bound to none', py.call('gated', '')), 1)
  gate.open()
  t.same(await all(py, behind), upTo(16).fill(4))
  t.match(py.stats().batches.gated, { running: 0, waiting: 0 })
})

t.test(
  'kill: a batch that nobody waits for any more ends its worker, and items behind it are served',
  async t => {
    const py = await poolFor(t, { workers: 1, restart: { delay: 0 } }, script)
    const reached = gatesOf(t)()
    const stuck = py.with({ timeout: 1000, kill: 50 }).call('stubborn', reached.path)
    stuck.catch(() => {})
    await reached.opened()
    const behind = upTo(3).map(at => py.call('echo', at))
    t.match(await rejection(stuck), { code: 'ERR_TIMEOUT' })
    t.same(await all(py, behind), [0, 1, 2])
    t.equal(py.stats().workers[0]!.restarts, 1)
  },
)

t.test('maxQueue of a pool counts items that wait, for each function', async t => {
  const py = await poolFor(t, { workers: 1, maxQueue: 2 }, script)
  const first = await running(t, py)
  const calls = upTo(5).map(() => py.call('gated', ''))
  const outcomes = Promise.allSettled(calls)
  const others = upTo(8).map(at => py.call('echo', at))
  first.open()
  t.same(
    (await outcomes).map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'rejected', 'rejected'],
  )
  t.match(await rejection(calls[4]!), { code: 'ERR_QUEUE_FULL', maxQueue: 2 })
  t.same(await all(py, others), upTo(8))
})

t.test('close() of a pool with grace: what waits is sent, and answered', async t => {
  const py = await poolFor(t, {}, script)
  const gates = [await running(t, py), await running(t, py)]
  const calls = upTo(11).map(() => py.call('gated', ''))
  const closed = py.close({ grace: 30_000 })
  await t.rejects(py.call('gated', ''), { code: 'ERR_CLOSED' })
  for (const { open } of gates) open()
  t.same(await all(py, calls), [4, 4, 4, 4, 4, 4, 4, 4, 3, 3, 3])
  await within('close', closed)
})

t.test('watch: the settings of the new source hold', async t => {
  const path = join(folderFor(t), 'model.py')
  const source = (decorator: string) =>
    writeFileSync(
      path,
      `import isthmus\n${decorator}\ndef size(items):\n    return [len(items)] * len(items)\n`,
    )
  source('@isthmus.batch(max_size=2)')
  const py = await bridgeFor(t, path, { watch: true, python })
  const sizes = () =>
    all(
      py,
      upTo(6).map(() => py.call('size', 'xx')),
    )
  t.same(await sizes(), [2, 2, 2, 2, 2, 2])
  for (const [decorator, expected] of [
    ['@isthmus.batch(max_size=5)', [5, 5, 5, 5, 5, 1]],
    ['', upTo(6).map(() => [2, 2])],
    ['@isthmus.batch(max_size=3)', [3, 3, 3, 3, 3, 3]],
  ] as const) {
    const restarted = next<Restart>(py, 'restart')
    source(decorator)
    t.match(await restarted, { reason: 'watch' })
    t.same(await sizes(), expected)
  }
})

t.test('map: rows and items of a chunk are the batch', async t => {
  const py = await poolFor(t, {}, script)
  const table = py.tensor('float64', [10, 4])
  table.data.forEach((_, at) => {
    table.data[at] = at
  })
  const parts = (await py.map('doubled', table, { chunk: 5 })) as Tensor<'float64'>[]
  t.same(
    parts.map(({ shape }) => shape),
    [
      [5, 4],
      [5, 4],
    ],
  )
  t.equal(parts[1]!.at(4, 3), 78)
  const into = py.tensor('float64', [10, 4])
  await py.map('doubled', table, { chunk: 3, into })
  t.equal(into.at(9, 3), 78)
  const rows = upTo(10).map(at => new Float64Array(4).fill(at))
  const results = (await py.map('doubled', rows, { chunk: 4 })) as Tensor<'float64'>[]
  t.same(
    results.map(row => row.at(3)),
    upTo(10).map(at => 2 * at),
  )
})

// An idle bridge sleeps, and polling is only for those who have a CPU to spare. (DESIGN 3.3)
import type { Bridge } from 'isthmus'
import t from 'tap'
import { basics, bridgeFor, call, type Doubles } from '../fixtures/bridges.js'
import { runProgram, stateOf } from '../fixtures/processes.js'
import { until } from '../fixtures/watchdog.js'

const source = { source: basics }

/** Everything that changes when a side wakes up, sends or goes to sleep. */
const activity = (py: Bridge) => {
  const { node, worker, calls } = py.stats()
  return { node, worker, calls }
}

/** Waits until nothing changes any more, from one look to the twentieth after it, and the worker sleeps. */
async function quiet(py: Bridge): Promise<ReturnType<typeof activity>> {
  let last = JSON.stringify(activity(py))
  let same = 0
  await until(
    'both sides are quiet',
    () => {
      const now = JSON.stringify(activity(py))
      same = now === last && stateOf(py.pid) === 'S' ? same + 1 : 0
      last = now
      return same === 20
    },
    () => ({ now: py.stats(), state: stateOf(py.pid) }),
  )
  return activity(py)
}

for (const spin of ['auto', 0, 1000] as const)
  t.test(
    `spin: ${spin}: after a call both sides park, and then neither wakes, sends or parks again`,
    async t => {
      const py = await bridgeFor(t, source, { spin })
      if (spin !== 'auto') t.equal(py.stats().spin, spin)
      for (let time = 0; time < 3; time++) {
        const before = await quiet(py)
        await call(py, 'nothing')
        const asleep = await quiet(py)
        t.ok(asleep.node.parks > before.node.parks && asleep.worker.parks > before.worker.parks)
        await new Promise(resolve => setTimeout(resolve, 300)) // what is observed, not waited for
        t.same(activity(py), asleep, 'nothing happened')
      }
    },
  )

t.test('a call wakes a parked worker with one notification', async t => {
  const py = await bridgeFor(t, source, { spin: 0 })
  for (let time = 0; time < 5; time++) {
    const before = await quiet(py)
    await call(py, 'nothing')
    await quiet(py)
    t.equal(py.stats().node.notifications, before.node.notifications + 1)
  }
})

t.test('returns alone do not wake a parked worker, until they are worth it', async t => {
  const py = await bridgeFor(t, source, { memory: '512MiB' })
  const result = await call<Doubles>(py, 'ramp', 0, 131_072)
  const asleep = await quiet(py)
  result.dispose()
  const after = await quiet(py)
  t.equal(after.node.notifications, asleep.node.notifications)
  t.equal(after.worker.parks, asleep.worker.parks)
})

t.test('spin: 0: calls in a row, in parallel, and with tensors', async t => {
  const py = await bridgeFor(t, source, { spin: 0 })
  for (let time = 0; time < 100; time++) t.equal(await call(py, 'same', time), time)
  const many = Array.from({ length: 500 }, (_, at) => call(py, 'same', at))
  t.same(
    await Promise.all(many),
    many.map((_, at) => at),
  )
  const own = py.tensor('float64', [1000])
  own.data.fill(1)
  t.equal(await call(py, 'total', own), 1000)
})

t.test('a process that may use one CPU only does not poll', async t => {
  const pinned = runProgram('pinned', [], { node: ['taskset', '-c', '0', process.execPath] })
  t.same(await pinned.ended, { code: 0, signal: null }, pinned.errors())
  t.equal(await pinned.line('cpus'), '1')
  t.equal(await pinned.line('spin'), '0')
  t.equal(await pinned.line('sum'), '9900')
})

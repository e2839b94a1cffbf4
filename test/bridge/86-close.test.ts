// close(): at once, after what runs, or whatever it does.
import t from 'tap'
import { bridgeFor } from '../fixtures/bridges.js'
import { gateFor, pidsOf, poolFor, script } from '../fixtures/pools.js'
import { isAlive } from '../fixtures/processes.js'
import { until, within } from '../fixtures/watchdog.js'

t.test('grace: what was called finishes, nothing else is taken', async t => {
  const gate = gateFor(t)
  const py = await bridgeFor(t, script)
  const held = py.call('wait_for', gate.path)
  const behind = py.call('double', 4)
  const closing = py.close({ grace: 60_000 })
  t.equal(py.closed, true)
  await t.rejects(py.call('double', 5), { code: 'ERR_CLOSED' })
  gate.open()
  t.equal(await within('the call', held), py.pid)
  t.equal(await within('the call behind it', behind), 8)
  await within('close', closing, () => py.stats())
  t.notOk(isAlive(py.pid))
})

t.test('the grace is over: what still runs rejects', async t => {
  const py = await bridgeFor(t, script)
  const held = t.rejects(py.call('wait_for', '/nowhere'), { code: 'ERR_CLOSED' })
  await within('close', py.close({ grace: 20 }))
  await held
  t.notOk(isAlive(py.pid))
})

t.test('force: a worker that listens to nothing is gone all the same', async t => {
  const py = await bridgeFor(t, script)
  const stuck = t.rejects(py.call('stubborn'), { code: 'ERR_CLOSED' })
  await within('close', py.close({ force: true }))
  await stuck
  t.notOk(isAlive(py.pid))
})

t.test('force ends a close() that waits', async t => {
  const py = await bridgeFor(t, script)
  const stuck = t.rejects(py.call('stubborn'), { code: 'ERR_CLOSED' })
  const closing = py.close({ grace: Infinity })
  await within('close', py.close({ force: true }))
  await within('the first close', closing)
  await stuck
})

t.test('a pool: grace is for what waits, too', async t => {
  const gate = gateFor(t)
  const py = await poolFor(t)
  const held = [0, 1].map(() => py.call('wait_for', gate.path))
  const waiting = Array.from({ length: 50 }, (_, at) => py.call('double', at))
  const closing = py.close({ grace: Infinity })
  await t.rejects(py.call('double', 5), { code: 'ERR_CLOSED' })
  gate.open()
  t.same(
    await within('all', Promise.all(waiting)),
    waiting.map((_, at) => 2 * at),
  )
  await Promise.all(held)
  await within('close', closing, () => py.stats())
  t.same(pidsOf(py).filter(isAlive), [])
})

t.test('a pool closes at once: what runs and what waits rejects', async t => {
  for (const options of [{}, { grace: 20 }, { force: true }]) {
    const py = await poolFor(t)
    const calls = Array.from({ length: 10 }, () => py.call('wait_for', '/nowhere'))
    const outcomes = Promise.allSettled(calls)
    await within('close', py.close(options), () => py.stats())
    t.ok(
      (await outcomes).every(
        outcome => outcome.status === 'rejected' && outcome.reason.code === 'ERR_CLOSED',
      ),
    )
    t.same(pidsOf(py).filter(isAlive), [])
  }
})

t.test('close() while a worker is being started again', async t => {
  const py = await poolFor(t, { restart: { delay: 1 } })
  const [first] = pidsOf(py)
  process.kill(first!, 'SIGKILL')
  await until(
    'it is started again',
    () => py.stats().workers[0]!.state === 'starting',
    () => py.stats(),
  )
  await within('close', py.close(), () => py.stats())
  t.same(pidsOf(py).filter(isAlive), [])
})

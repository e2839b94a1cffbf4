// Workers that end are started again, later and later, and not for ever. (DESIGN 4, second row)
import type { Restart, RestartLimitError, Tensor, WorkerExitedError } from 'isthmus'
import t from 'tap'
import { bridgeFor } from '../fixtures/bridges.js'
import { all, folderFor, gateFor, next, pidsOf, poolFor, script } from '../fixtures/pools.js'
import { within } from '../fixtures/watchdog.js'
import { rejection } from './spawned.js'

const quick = { delay: 1 }

t.test('a bridge: the call that ran rejects, the next waits for the new worker', async t => {
  const py = await bridgeFor(t, script, { restart: quick })
  const { pid } = py
  const kept = (await py.call('ramp', 3, 50_000)) as Tensor<'float64'>
  const own = py.tensor('float64', [10])
  const restarted = next<Restart>(py, 'restart')
  const error = await rejection<WorkerExitedError>(py.call('end', 7))
  t.match(error, { code: 'ERR_WORKER_EXITED', exitCode: 7 })
  t.equal(py.closed, false)
  const waiting = py.call('pid')
  const restart = await restarted
  t.match(restart, { attempt: 1, worker: 0, reason: { code: 'ERR_WORKER_EXITED', exitCode: 7 } })
  t.not(restart.pid, pid)
  t.equal(restart.pid, py.pid)
  t.equal(await within('the call that waited', waiting), py.pid)
  t.equal(kept.data[49_999], 50_002, 'what the first delivered stays')
  t.equal(await py.call('total', own), 0, 'and what Node made goes to the second')
  t.same(await within('kept', py.call('total', kept)), 50_000 * 3 + (50_000 * 49_999) / 2)
})

t.test('without restart, a bridge ends with its worker', async t => {
  const py = await bridgeFor(t, script)
  await t.rejects(py.call('end', 7), { code: 'ERR_WORKER_EXITED', exitCode: 7 })
  t.equal(py.closed, true)
  await t.rejects(py.call('pid'), { code: 'ERR_WORKER_EXITED' })
})

t.test(
  'calls that wait for a restart can be aborted, time out, and are limited by maxQueue',
  async t => {
    const py = await bridgeFor(t, script, { restart: { delay: 60_000 }, maxQueue: 3 })
    await t.rejects(py.call('end', 1), { code: 'ERR_WORKER_EXITED' })
    const controller = new AbortController()
    const aborted = py.with({ signal: controller.signal }).call('pid')
    const late = py.with({ timeout: 1 }).call('pid')
    const stream = py.stream('numbers', 3)
    await t.rejects(py.call('pid'), { code: 'ERR_QUEUE_FULL' })
    controller.abort()
    await t.rejects(aborted, { code: 'ERR_ABORTED' })
    await t.rejects(within('the timeout', late), { code: 'ERR_TIMEOUT' })
    await stream.return()
    const last = py.call('pid')
    const rejected = t.rejects(last, { code: 'ERR_CLOSED' })
    await within('close', py.close())
    await rejected
  },
)

t.test('an idle worker that is killed comes back without being asked', async t => {
  const py = await bridgeFor(t, script, { restart: quick })
  for (let time = 1; time <= 3; time++) {
    const restarted = next<Restart>(py, 'restart')
    process.kill(py.pid, 'SIGKILL')
    t.equal((await restarted).attempt, time)
    t.equal(await within('a call', py.call('pid')), py.pid)
  }
})

t.test('the limit: it stays down, says so, and so does every call', async t => {
  const py = await bridgeFor(t, script, { restart: { ...quick, limit: 2 } })
  const restarts: Restart[] = []
  py.on('restart', restart => restarts.push(restart))
  const down = next<RestartLimitError>(py, 'error')
  for (let time = 0; time < 3; time++)
    await t.rejects(within('end', py.call('end', time)), { code: 'ERR_WORKER_EXITED' })
  t.match(await down, { code: 'ERR_RESTART_LIMIT', limit: 2, cause: { exitCode: 2 } })
  t.same(
    restarts.map(({ attempt }) => attempt),
    [1, 2],
  )
  await t.rejects(py.call('pid'), { code: 'ERR_RESTART_LIMIT', cause: { exitCode: 2 } })
  t.equal(py.closed, true)
})

t.test('nobody listens to error: the process goes on', async t => {
  const py = await bridgeFor(t, script, { restart: { limit: 0 } })
  await t.rejects(py.call('end', 1), { code: 'ERR_WORKER_EXITED' })
  await t.rejects(within('a call', py.call('pid')), { code: 'ERR_RESTART_LIMIT' })
})

t.test('a worker that cannot be started again: an error each time, then it stays down', async t => {
  const folder = folderFor(t)
  const source = `
import os
mark = os.path.join(${JSON.stringify(folder)}, 'started')
if os.path.exists(mark):
    raise RuntimeError('not twice')
open(mark, 'w').close()
def end():
    os._exit(3)
`
  const py = await bridgeFor(t, { source }, { restart: { ...quick, limit: 2 } })
  const errors: Error[] = []
  const over = within(
    'the limit',
    new Promise<void>(resolve =>
      py.on('error', error => {
        errors.push(error)
        if ((error as { code?: string }).code === 'ERR_RESTART_LIMIT') resolve()
      }),
    ),
  )
  await t.rejects(py.call('end'), { code: 'ERR_WORKER_EXITED' })
  const waiting = py.call('end')
  await t.rejects(within('the call that waited', waiting), {
    code: 'ERR_RESTART_LIMIT',
    cause: { code: 'ERR_IMPORT' },
  })
  await over
  t.same(
    errors.map(error => (error as { code?: string }).code),
    ['ERR_IMPORT', 'ERR_IMPORT', 'ERR_RESTART_LIMIT'],
  )
})

t.test(
  'a pool: only the calls of the worker that died reject, what waited goes elsewhere',
  async t => {
    const py = await poolFor(t, { restart: quick })
    const [first, second] = pidsOf(py)
    const gates = [gateFor(t), gateFor(t)]
    const held = gates.map(({ path }) => py.call('wait_for', path))
    const waiting = Array.from({ length: 20 }, (_, at) => py.call('double', at))
    t.equal(py.stats().queued, 20)
    const restarted = next<Restart>(py, 'restart')
    const exited = next(py, 'exit')
    process.kill(first!, 'SIGKILL')
    await t.rejects(within('the first', held[0]!), { code: 'ERR_WORKER_EXITED', signal: 'SIGKILL' })
    t.match(await exited, { signal: 'SIGKILL', pid: first, worker: 0 })
    t.match(await restarted, { worker: 0, reason: { code: 'ERR_WORKER_EXITED' } })
    t.same(
      await all(py, waiting),
      waiting.map((_, at) => 2 * at),
      'by the new one alone',
    )
    gates[1]!.open()
    t.equal(await within('the second', held[1]!), second)
    t.match(py.stats().workers, [{ restarts: 1, state: 'ready' }, { restarts: 0 }])
  },
)

t.test('all workers of a pool are down: what waits rejects, and so does what follows', async t => {
  const py = await poolFor(t, { restart: false })
  const ends = [py.call('end', 4), py.call('end', 4)]
  const waiting = [py.call('pid'), py.stream('numbers', 2).next()]
  for (const outcome of await within('all reject', Promise.allSettled([...ends, ...waiting])))
    t.match(outcome, { status: 'rejected', reason: { code: 'ERR_WORKER_EXITED', exitCode: 4 } })
  await t.rejects(py.call('pid'), { code: 'ERR_WORKER_EXITED' })
  t.match(py.stats(), { queued: 0, workers: [{ state: 'down' }, { state: 'down' }] })
})

t.test(
  'one worker of a pool is down: the others do everything, its key goes to another',
  async t => {
    const py = await poolFor(t, { restart: false })
    const keys = Array.from({ length: 20 }, (_, at) => at)
    const exited = next<{ pid: number }>(py, 'exit')
    await t.rejects(py.call('end', 4), { code: 'ERR_WORKER_EXITED' })
    await exited
    const left = pidsOf(py)[1]
    const pids = await all(
      py,
      keys.map(key => py.with({ affinity: key }).call('pid')),
    )
    t.ok(pids.every(pid => pid === left))
    await t.rejects(py.broadcast('pid'), { code: 'ERR_WORKER_EXITED' })
  },
)

t.test('objects of a worker that has ended are gone', async t => {
  const py = await poolFor(t, { workers: 1, restart: quick })
  const counter = await py.create('Counter', 1)
  const restarted = next(py, 'restart')
  process.kill(pidsOf(py)[0]!, 'SIGKILL')
  await restarted
  await t.rejects(counter.call('add', 1), { code: 'ERR_OBJECT_GONE' })
  await t.rejects(py.call('keep', counter), { code: 'ERR_OBJECT_GONE' })
})

t.test('kill: the worker of a call that does not stop is killed, and comes back', async t => {
  const py = await poolFor(t, { workers: 1, restart: quick })
  const restarted = next(py, 'restart')
  const stuck = py.with({ timeout: 20, kill: 20 }).call('stubborn')
  await t.rejects(within('the timeout', stuck), { code: 'ERR_TIMEOUT' })
  await restarted
  t.equal(await within('a call', py.call('double', 2)), 4)
})

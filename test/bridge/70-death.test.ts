// The worker dies. (DESIGN 4, second row)
import type { Bridge, Exit, WorkerExitedError } from 'isthmus'
import t from 'tap'
import { bridgeFor, call, type Doubles, isRamp } from '../fixtures/bridges.js'
import { gone, isAlive } from '../fixtures/processes.js'
import { within } from '../fixtures/watchdog.js'

const script = new URL('../fixtures/dying.py', import.meta.url)
const length = 100_000

const exitOf = (py: Bridge) => new Promise<Exit>(resolve => py.once('exit', resolve))

/** How each of the calls ended, once all have. */
const outcomes = (py: Bridge, calls: Promise<unknown>[]) =>
  within('every call settles', Promise.allSettled(calls), () => py.stats())

const ways: [how: string, code: number | null, signal: string | null][] = [
  ['os._exit', 7, null],
  ['sys.exit', 5, null],
  ['sys.exit with words', 1, null],
  ['segfault', null, 'SIGSEGV'],
  ['abort', null, 'SIGABRT'],
  ['kill', null, 'SIGKILL'],
  ['terminate', null, 'SIGTERM'],
]

for (const [how, code, signal] of ways)
  t.test(
    `${how} in a call: every pending call rejects with code, signal and last words`,
    async t => {
      const py = await bridgeFor(t, script)
      const kept = await call<Doubles>(py, 'ramp', 4, length)
      const own = py.tensor('float64', [length])
      own.data.fill(3)
      await call(py, 'keep', own)
      t.equal(py.stats().leases, 1)
      const exit = exitOf(py)
      const calls = [py.call('end', how), ...Array.from({ length: 20 }, () => py.call('keep', own))]
      for (const outcome of await outcomes(py, calls)) {
        const error = (outcome as PromiseRejectedResult).reason as WorkerExitedError
        t.match(error, { code: 'ERR_WORKER_EXITED', exitCode: code, signal })
        t.equal(error.stderr[0], `ending by ${how}`)
        t.match(error.message, `ending by ${how}`)
      }
      t.same(await within('exit', exit), { code, signal })
      t.equal(py.stats().leases, 0, 'its leases are dropped')
      t.equal(py.stats().pending, 0)
      t.ok(isRamp(kept.data, 4, length), 'what it delivered stays readable')
      t.ok(own.data.every(value => value === 3))
      own.dispose()
      kept.dispose()
      t.equal(py.stats().ownBlocks, 0)
      t.equal(py.stats().borrowedBlocks, 0)
      t.equal(py.closed, true)
      await t.rejects(py.call('nothing'), { code: /ERR_(WORKER_EXITED|CLOSED)/ })
      t.notOk(isAlive(py.pid))
    },
  )

t.test('kill -9 while a call runs and others wait, in the ring and beyond the window', async t => {
  const py = await bridgeFor(t, script, { window: 8, ringBytes: 4096 })
  const own = py.tensor('float64', [length])
  const calls = [py.call('sleep', 60)]
  for (let at = 0; at < 200; at++) calls.push(py.call('keep', own))
  await new Promise(resolve => setImmediate(resolve))
  process.kill(py.pid, 'SIGKILL')
  const all = await outcomes(py, calls)
  t.ok(
    all.every(outcome => (outcome as PromiseRejectedResult).reason?.code === 'ERR_WORKER_EXITED'),
  )
  t.match((all[0] as PromiseRejectedResult).reason, { exitCode: null, signal: 'SIGKILL' })
  t.equal(py.stats().leases, 0)
  own.dispose()
  t.equal(py.stats().ownBlocks, 0, 'calls that waited hold nothing any more')
})

t.test(
  'results that were committed before the death arrive, although Node looks only afterwards',
  async t => {
    const py = await bridgeFor(t, script)
    const calls = Array.from({ length: 30 }, (_, at) => py.call('ramp', at, length))
    const last = py.call('end', 'os._exit')
    const never = py.call('ramp', 0, length)
    // Node does not look at the ring until the worker is a zombie.
    const deadline = Date.now() + 20_000
    while (isAlive(py.pid)) if (Date.now() > deadline) throw new Error('the worker does not end')
    const all = await outcomes(py, [...calls, last, never])
    for (let at = 0; at < 30; at++) {
      const outcome = all[at]!
      t.ok(
        outcome.status === 'fulfilled' && isRamp((outcome.value as Doubles).data, at, length),
        `result ${at}`,
      )
    }
    for (const outcome of all.slice(30))
      t.equal((outcome as PromiseRejectedResult).reason?.code, 'ERR_WORKER_EXITED')
  },
)

t.test('the last lines of stderr are kept, not all of them', async t => {
  const py = await bridgeFor(t, script)
  const lines: string[] = []
  py.on('stderr', line => lines.push(line))
  const error = await call(py, 'chatter', 500).catch((error: WorkerExitedError) => error)
  const { stderr } = error as WorkerExitedError
  t.ok(stderr.length <= 50)
  t.equal(stderr.at(-1), 'line 499')
  t.equal(lines.length, 500, 'although all were emitted')
})

t.test('a worker that closed stdout and stderr itself dies like any other', async t => {
  const py = await bridgeFor(t, script)
  await t.rejects(call(py, 'silence'), { code: 'ERR_WORKER_EXITED', exitCode: 9, stderr: [] })
})

t.test('an idle worker is killed: the exit event comes, and the next call rejects', async t => {
  const py = await bridgeFor(t, script)
  const exit = exitOf(py)
  process.kill(py.pid, 'SIGKILL')
  await gone(py.pid)
  const early = py.call('nothing') // before Node has heard of it
  await t.rejects(within('the early call', early), { code: 'ERR_WORKER_EXITED', signal: 'SIGKILL' })
  t.same(await within('exit', exit), { code: null, signal: 'SIGKILL' })
  await t.rejects(py.call('nothing'), { code: /ERR_(WORKER_EXITED|CLOSED)/ })
  await within('close', py.close())
})

t.test(
  'close() in the middle of calls: they reject with ERR_CLOSED, and the process is gone',
  async t => {
    const py = await bridgeFor(t, script)
    const calls = [py.call('sleep', 60), py.call('nothing')]
    const all = outcomes(py, calls)
    await within('close', py.close())
    for (const outcome of await all)
      t.equal((outcome as PromiseRejectedResult).reason?.code, 'ERR_CLOSED')
    t.notOk(isAlive(py.pid))
  },
)

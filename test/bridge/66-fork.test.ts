// Processes that the user's Python starts: they disturb neither Node nor their parent. (DESIGN 3.6, 3.1)
import type { Bridge } from 'isthmus'
import t from 'tap'
import { bridgeFor, call, type Doubles, isRamp, settled } from '../fixtures/bridges.js'
import { descriptorsOf, gone, isAlive } from '../fixtures/processes.js'
import { until, within } from '../fixtures/watchdog.js'

const script = new URL('../fixtures/forking.py', import.meta.url)
const length = 100_000

/** The parent goes on serving: small values, tensors of both arenas, and memory that is made and given up. */
async function checkServes(t: Pick<typeof import('tap').t, 'ok' | 'equal'>, py: Bridge) {
  const own = py.tensor('float64', [length])
  own.data.fill(2)
  t.equal(await call(py, 'total', own), 2 * length)
  const result = await call<Doubles>(py, 'ramp', 1, length)
  t.ok(isRamp(result.data, 1, length))
  own.dispose()
  result.dispose()
}

for (const kept of [false, true])
  t.test(
    `os.fork: a child that writes to everything disturbs nobody${kept ? ', nor what Node has kept' : ''}`,
    async t => {
      const py = await bridgeFor(t, script)
      const own = py.tensor('float64', [length])
      own.data.fill(5)
      const result = await call<Doubles>(py, 'ramp', 3, length)
      for (let time = 0; time < 3; time++) {
        const made = await call<Doubles>(py, 'fork_and_scribble', own, kept ? result : null)
        t.ok(
          made.data.every(value => value === 7),
          "the parent's array",
        )
        t.ok(
          own.data.every(value => value === 5),
          "Node's tensor",
        )
        t.ok(isRamp(result.data, 3, length), 'a result that Node has')
        await checkServes(t, py)
      }
    },
  )

t.test(
  'a forked child keeps what was in its arrays at the fork, although its parent writes to them',
  async t => {
    const py = await bridgeFor(t, script)
    const own = py.tensor('float64', [length])
    own.data.fill(3)
    t.same(await call(py, 'fork_reads', own), [3 * length, 400_000])
    t.equal(own.data[0], 100)
  },
)

t.test(
  "a forked child's use of the channel is refused; its ordinary arrays are ordinary",
  async t => {
    const py = await bridgeFor(t, script)
    t.same(await call(py, 'fork_and_use_channel'), [
      'ERR_FORKED',
      'ERR_FORKED',
      'ERR_FORKED',
      '200000.0',
    ])
    await checkServes(t, py)
  },
)

t.test('a forked child that returns from the call cannot answer it, and ends', async t => {
  const py = await bridgeFor(t, script)
  const pid = await call<number>(py, 'fork_and_return')
  t.ok(pid > 0, "the answer is the parent's")
  await gone(pid)
  await checkServes(t, py)
  await within('close', py.close())
})

t.test('fork while other threads allocate: no child hangs', async t => {
  const py = await bridgeFor(t, script)
  t.equal(await call(py, 'fork_while_threads_allocate', 50), 50)
  await checkServes(t, py)
})

t.test('multiprocessing with fork: Pool and Process work, and end', async t => {
  const py = await bridgeFor(t, script)
  const own = py.tensor('float64', [length])
  own.data.fill(5)
  t.same(await call(py, 'pool', 5), [0, 1, Math.sqrt(2), Math.sqrt(3), 2])
  t.same(await call(py, 'process', own), [5 * length, 100_000])
  t.ok(own.data.every(value => value === 5))
  own.dispose()
  await settled(py, 'Python has returned the lease', stats => stats.leases === 0)
  await checkServes(t, py)
})

t.test('multiprocessing with spawn works', async t => {
  const py = await bridgeFor(t, script)
  t.same(await call(py, 'spawned_pool', 5), [0, 1, Math.sqrt(2), Math.sqrt(3), 2])
  await checkServes(t, py)
})

t.test(
  'a forked child that lives on does not keep the worker from ending, nor Node from seeing it',
  async t => {
    const py = await bridgeFor(t, script)
    const child = await call<number>(py, 'fork_and_sleep')
    t.teardown(() => process.kill(child, 'SIGKILL'))
    t.same(sockets(child), [], 'it holds neither doorbell nor control socket')
    const { pid } = py
    await within('close', py.close())
    await gone(pid)
    t.ok(isAlive(child))
  },
)

/** The sockets of a process besides its standard streams, which libuv makes of sockets too. */
const sockets = (pid: number) =>
  [...descriptorsOf(pid)].filter(([fd, link]) => Number(fd) > 2 && link.startsWith('socket:'))

for (const closes of [true, false])
  t.test(
    `subprocess.Popen(close_fds=${closes}): a grandchild holds no descriptor of ours`,
    async t => {
      const py = await bridgeFor(t, script)
      t.equal(sockets(py.pid).length, 4, 'the control socket and three ends of doorbells')
      const up = new Promise(resolve => py.once('stdout', resolve))
      const grandchild = await call<number>(py, 'sleeper', closes)
      t.teardown(() => process.kill(grandchild, 'SIGKILL'))
      t.equal(await within('the grandchild is up', up), 'up')
      const held = [...descriptorsOf(grandchild).values()]
      t.same(sockets(grandchild), [])
      t.same(
        held.filter(link => link.includes('memfd')),
        [],
        'segments',
      )
    },
  )

t.test('a grandchild that holds stdout does not delay WorkerExitedError', async t => {
  const py = await bridgeFor(t, script)
  const up = new Promise(resolve => py.once('stdout', resolve))
  const grandchild = await call<number>(py, 'sleeper', true)
  t.teardown(() => process.kill(grandchild, 'SIGKILL'))
  await within('the grandchild is up', up)
  const exit = new Promise(resolve => py.once('exit', resolve))
  await t.rejects(within('the call rejects', py.call('exit_now', 3)), {
    code: 'ERR_WORKER_EXITED',
    exitCode: 3,
    signal: null,
    stderr: ['last words'],
  })
  t.same(await within('exit', exit), { code: 3, signal: null })
  t.ok(isAlive(grandchild), 'which still holds it')
})

t.test('a grandchild that holds stdout does not delay close()', async t => {
  const py = await bridgeFor(t, script)
  const grandchild = await call<number>(py, 'sleeper', true)
  t.teardown(() => process.kill(grandchild, 'SIGKILL'))
  await within('close', py.close())
  await until('the worker is gone', () => !isAlive(py.pid))
  t.ok(isAlive(grandchild))
})

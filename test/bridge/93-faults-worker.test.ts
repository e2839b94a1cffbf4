// What a module may do to its own process: it ends it in odd places, stops it, closes what is ours, or changes what it
// runs in. See also 66-fork and 70-death.
import type { WorkerExitedError } from 'isthmus'
import t from 'tap'
import { bridgeFor, call, type Doubles, isRamp } from '../fixtures/bridges.js'
import { gatesOf } from '../fixtures/gates.js'
import { next } from '../fixtures/pools.js'
import { descriptorsOf, gone, isAlive, stateOf } from '../fixtures/processes.js'
import { until, within } from '../fixtures/watchdog.js'
import { exitOf, line, rejection } from './spawned.js'

const script = new URL('../fixtures/misbehaving.py', import.meta.url)
type Bridge = Awaited<ReturnType<typeof bridgeFor>>
const length = 100_000

/** Everything that a bridge can do, once. */
async function checkServes(t: Pick<typeof import('tap').t, 'equal' | 'ok' | 'same'>, py: Bridge) {
  const result = await call<Doubles>(py, 'ramp', 1, length)
  t.ok(isRamp(result.data, 1, length), 'a result in shared memory')
  t.equal(await call(py, 'total', result), length + (length * (length - 1)) / 2)
  result.dispose()
  const items: unknown[] = []
  for await (const item of py.stream('numbers', 20)) items.push(item)
  t.equal(items.length, 20, 'a stream')
  t.equal(await call(py, 'calls', (value: number) => value + 1, 6), 7, 'a callback')
  t.equal(py.callSync('echo', 'sync'), 'sync', 'callSync')
  t.equal(await call(py, 'text', 300_000).then(text => (text as string).length), 300_000)
}

// --- ends ---

const ends: readonly [
  what: string,
  work: (py: Bridge) => Promise<unknown>,
  expected: { exitCode: number | null; signal: string | null },
][] = [
  [
    'os._exit in a thread',
    py => py.call('exit_from_thread', 'os._exit'),
    { exitCode: 6, signal: null },
  ],
  ['raise SystemExit', py => py.call('raise_system_exit', 9), { exitCode: 9, signal: null }],
  [
    'a stack overflow in C',
    py => py.call('overflow_the_stack'),
    { exitCode: null, signal: 'SIGSEGV' },
  ],
  [
    'a segfault in a thread',
    py => py.call('crash_from_thread'),
    { exitCode: null, signal: 'SIGSEGV' },
  ],
  [
    'os._exit after a callback',
    py => py.call('exit_after', () => 1),
    { exitCode: 5, signal: null },
  ],
  [
    'os._exit in a stream',
    async py => {
      for await (const _ of py.stream('exit_in_stream', 3));
    },
    { exitCode: 4, signal: null },
  ],
  ['os._exit in callSync', async py => py.callSync('end_now', 3), { exitCode: 3, signal: null }],
]
for (const [what, work, expected] of ends)
  t.test(`${what}: WorkerExitedError for it and for what waits; neighbours go on`, async t => {
    const py = await bridgeFor(t, script)
    const neighbour = await bridgeFor(t, script)
    const exit = exitOf(py)
    const kept = await call<Doubles>(py, 'ramp', 2, length)
    const working = work(py)
    // A stream takes turns with calls.
    const waiting = what.includes('stream') ? [] : [py.call('ramp', 1, length)]
    for (const promise of [working, ...waiting]) {
      const error = await rejection<WorkerExitedError>(within(what, promise, () => py.stats()))
      t.match(error, { code: 'ERR_WORKER_EXITED', ...expected })
      t.match(error.message, expected.signal ?? `code ${expected.exitCode}`)
    }
    t.match(await within('exit', exit), { code: expected.exitCode, signal: expected.signal })
    await gone(py.pid)
    t.ok(isRamp(kept.data, 2, length), 'what was delivered stays')
    t.match(py.stats(), { pending: 0, leases: 0 })
    t.equal(await call(neighbour, 'echo', 1), 1)
  })

t.test('items that were yielded before os._exit arrive', async t => {
  const py = await bridgeFor(t, script)
  const items: unknown[] = []
  const reading = (async () => {
    for await (const item of py.stream('exit_in_stream', 5)) items.push(item)
  })()
  t.match(await rejection(within('the stream ends', reading)), { code: 'ERR_WORKER_EXITED' })
  t.same(items, [0, 1, 2, 3, 4])
})

t.test(
  "os._exit while Node's function runs: the call rejects, the function's outcome is dropped",
  async t => {
    const py = await bridgeFor(t, script)
    const gate = gatesOf(t)()
    let settle: (value: number) => void = () => {}
    const answer = new Promise<number>(resolve => {
      settle = resolve
    })
    const slow = () => {
      gate.open()
      return answer
    }
    const error = await rejection(within('the call', py.call('exit_during', slow, gate.path)))
    t.match(error, { code: 'ERR_WORKER_EXITED', exitCode: 5 })
    settle(1)
    await new Promise(resolve => setImmediate(resolve))
    t.match(py.stats(), { pending: 0 })
  },
)

t.test('sys.exit in a thread ends only the thread', async t => {
  const py = await bridgeFor(t, script)
  await call(py, 'exit_from_thread', 'sys.exit')
  await checkServes(t, py)
})

t.test(
  'a worker that daemonises: its end is seen at once, and the daemon holds nothing of ours',
  async t => {
    const py = await bridgeFor(t, script)
    const said = line(py, 'stderr', /^daemon \d+$/)
    t.match(await rejection(within('the call', py.call('daemonise'))), {
      code: 'ERR_WORKER_EXITED',
      exitCode: 0,
    })
    const daemon = Number((await said).split(' ')[1])
    t.teardown(() => process.kill(daemon, 'SIGKILL'))
    t.ok(isAlive(daemon), 'it goes on')
    t.notMatch([...descriptorsOf(daemon).values()].join(), /socket/)
    await within('close', py.close())
  },
)

t.test('SIGSTOP: a call times out, and close() ends the process all the same', async t => {
  const py = await bridgeFor(t, script)
  const rejected = t.rejects(py.call('stop'), { code: 'ERR_CLOSED' })
  await until('it is stopped', () => stateOf(py.pid) === 'T')
  await t.rejects(within('the timeout', py.with({ timeout: 50 }).call('nothing')), {
    code: 'ERR_TIMEOUT',
  })
  await within('close', py.close())
  await rejected
  await gone(py.pid)
})

t.test(
  'SIGSTOP and the option kill: the process is killed, and the next one takes its place',
  async t => {
    const py = await bridgeFor(t, script, { restart: { delay: 1 } })
    const { pid } = py
    const restarted = next(py, 'restart')
    const rejected = t.rejects(py.call('stop'), { code: 'ERR_WORKER_EXITED', signal: 'SIGKILL' })
    await until('it is stopped', () => stateOf(pid) === 'T')
    await t.rejects(within('the timeout', py.with({ timeout: 50, kill: 50 }).call('nothing')), {
      code: 'ERR_TIMEOUT',
    })
    await rejected
    await restarted
    await gone(pid)
    t.equal(await call(py, 'echo', 1), 1)
  },
)

// --- descriptors ---

for (const how of ['close_all', 'close_ours'])
  t.test(
    `${how}: the bridge ends with a typed error, at the latest when it is closed; nothing hangs`,
    async t => {
      const py = await bridgeFor(t, script)
      const neighbour = await bridgeFor(t, script)
      const kept = await call<Doubles>(py, 'ramp', 2, length)
      const outcomes = await within(
        'the calls end',
        Promise.allSettled([
          py.with({ timeout: 2000 }).call(how),
          py.with({ timeout: 2000 }).call('ramp', 1, length),
          py.with({ timeout: 2000 }).call('nothing'),
        ]),
        () => py.stats(),
      )
      for (const outcome of outcomes)
        if (outcome.status === 'rejected')
          t.match(outcome.reason, { code: /^ERR_(WORKER_EXITED|TIMEOUT)$/ })
      await within('close', py.close())
      await gone(py.pid)
      t.ok(isRamp(kept.data, 2, length))
      t.equal(await call(neighbour, 'echo', 1), 1)
    },
  )

t.test(
  'dup2 over our descriptors: calls time out at worst, and close() ends the process',
  async t => {
    const py = await bridgeFor(t, script)
    const outcomes = await within(
      'the calls end',
      Promise.allSettled([
        py.with({ timeout: 1000 }).call('overwrite_ours'),
        py.with({ timeout: 1000 }).call('echo', 5),
      ]),
      () => py.stats(),
    )
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        t.match(outcome.reason, { code: /^ERR_(WORKER_EXITED|TIMEOUT)$/ })
      else t.ok(['overwritten', 5].includes(outcome.value as number), 'or are answered rightly')
    await within('close', py.close())
    await gone(py.pid)
  },
)

// --- surroundings ---

for (const [what, ...change] of [
  ['its directory is gone', 'leave_folder'],
  ['sys.settrace', 'trace', true],
  ['no core files', 'no_core_files'],
  ['umask 777', 'change_umask'],
  ['os.environ is empty', 'empty_environment'],
  ['threading is replaced', 'break_threading'],
  ['gc is disabled', 'no_collection'],
  ['sys.stdout and stderr are None', 'break_builtins'],
  ['its signal handlers are replaced', 'replace_handlers'],
  ['every signal is blocked', 'block_signals'],
] as const)
  t.test(`${what}: calls, streams, callbacks and callSync go on; close() ends it`, async t => {
    const py = await bridgeFor(t, script)
    await call(py, ...(change as [string, ...unknown[]]))
    await checkServes(t, py)
    await t.rejects(call(py, 'no_such_function'), { code: 'ERR_FUNCTION_NOT_FOUND' })
    const rejected = t.rejects(within('the timeout', py.with({ timeout: 50 }).call('loop')), {
      code: 'ERR_TIMEOUT',
    })
    await rejected
    await within('close', py.close())
    await gone(py.pid)
  })

for (const how of ['replace_handlers', 'block_signals'])
  t.test(
    `${how}: a call that was given up cannot be interrupted, and those behind it wait for its end`,
    async t => {
      const py = await bridgeFor(t, script)
      await call(py, how)
      const gate = gatesOf(t)()
      await t.rejects(py.with({ timeout: 50 }).call('loop_until', gate.path), {
        code: 'ERR_TIMEOUT',
      })
      const behind = py.call('echo', 'behind')
      gate.open()
      t.equal(await within('the one behind', behind, () => py.stats()), 'behind')
      await checkServes(t, py)
      const { pid } = py
      const begun = gatesOf(t)()
      const controller = new AbortController()
      const given = py.with({ signal: controller.signal, kill: 50 }).call('loop', begun.path)
      const rejected = t.rejects(given, { code: 'ERR_ABORTED' })
      await begun.opened()
      controller.abort()
      await rejected
      await until('it is killed', () => !isAlive(pid))
    },
  )

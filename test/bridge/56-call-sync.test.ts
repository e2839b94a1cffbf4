// callSync(): this thread waits without its event loop. What else is on its way still arrives; nothing locks up.
import { keep, kwargs, type Tensor, type WorkerExitedError } from 'isthmus'
import t from 'tap'
import { gatesOf } from '../fixtures/gates.js'
import { runProgram } from '../fixtures/processes.js'
import { until, within } from '../fixtures/watchdog.js'
import { rejection, released, spawned } from './spawned.js'

const gate = gatesOf(t)
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at)

/** What a function throws. */
function thrown(fn: () => unknown): Error & { code?: string; cause?: unknown } {
  try {
    fn()
  } catch (error) {
    return error as Error
  }
  throw new Error('it threw nothing')
}

for (const threads of [1, 2])
  for (const spin of [0, 'auto'] as const) {
    const title = `threads: ${threads}, spin: ${spin}`

    t.test(`${title}: a result, arguments and keywords, functions and coroutines`, async t => {
      const py = await spawned(t, 'call_sync.py', { threads, spin })
      for (let at = 0; at < 500; at++) if (py.callSync('echo', at) !== at) t.fail(`call ${at}`)
      t.equal(py.callSync('add', 1, kwargs({ b: 2 })), 3)
      t.equal(py.callSync('add_later', 1, 2), 3)
      t.strictSame(py.callSync('echo', { a: [1, null, 'x'] }), { a: [1, null, 'x'] })
      t.equal(py.stats().pending, 0)
    })

    t.test(`${title}: it waits as long as it takes`, async t => {
      const py = await spawned(t, 'call_sync.py', { threads, spin })
      t.equal(py.callSync('sleep', 0.2), 0.2)
      t.equal(py.callSync('sleep_later', 0.2), 0.2)
    })
  }

t.test('what Python raises is thrown, and what is wrong with the call', async t => {
  const py = await spawned(t, 'call_sync.py')
  t.match(
    thrown(() => py.callSync('fail', 'no')),
    { code: 'ERR_PYTHON', type: 'ValueError', pythonMessage: 'no' },
  )
  t.match(
    thrown(() => py.callSync('no_such')),
    { code: 'ERR_FUNCTION_NOT_FOUND' },
  )
  t.match(
    thrown(() => py.callSync('add', 1)),
    { code: 'ERR_ARGUMENTS' },
  )
  t.match(
    thrown(() => py.callSync('echo', Symbol('s'))),
    { code: 'ERR_VALUE', path: 'args[0]' },
  )
  t.equal(py.callSync('echo', 1), 1)
})

t.test('a timeout is thrown, Python is interrupted, and the next call is right', async t => {
  const py = await spawned(t, 'call_sync.py')
  for (const name of ['spin', 'sleep_long', 'sleep_long_later']) {
    t.match(
      thrown(() => py.with({ timeout: 30 }).callSync(name)),
      { code: 'ERR_TIMEOUT', timeout: 30 },
      name,
    )
    t.equal(await within('an async call', py.call('echo', name)), name)
    t.equal(py.callSync('echo', 1), 1)
  }
  t.equal(py.with({ timeout: 60_000 }).callSync('echo', 1), 1)
})

t.test('two in a row: the second is not held up by the first, whose time was up', async t => {
  const py = await spawned(t, 'call_sync.py')
  t.equal(thrown(() => py.with({ timeout: 20 }).callSync('spin')).code, 'ERR_TIMEOUT')
  t.equal(py.with({ timeout: 20_000 }).callSync('echo', 'at once'), 'at once')
})

t.test('a call that was aborted before is interrupted meanwhile', async t => {
  const py = await spawned(t, 'call_sync.py')
  const controller = new AbortController()
  const aborted = rejection(py.with({ signal: controller.signal }).call('spin'))
  await py
    .with({ timeout: 1 })
    .call('echo', 0)
    .catch(() => {}) // by now, the other one runs
  controller.abort()
  t.equal(py.with({ timeout: 20_000 }).callSync('echo', 'after it'), 'after it')
  t.equal((await aborted).code, 'ERR_ABORTED')
})

t.test('a flood of reports does not keep it from timing out', async t => {
  const py = await spawned(t, 'call_sync.py')
  const onProgress = () => {}
  const error = thrown(() => py.with({ timeout: 100, onProgress }).callSync('report_for_ever'))
  t.equal(error.code, 'ERR_TIMEOUT')
  t.equal(await within('the next call', py.call('echo', 1)), 1)
})

t.test('a signal that is aborted already', async t => {
  const py = await spawned(t, 'call_sync.py')
  const signal = AbortSignal.abort('before')
  t.match(
    thrown(() => py.with({ signal }).callSync('echo', 1)),
    { code: 'ERR_ABORTED', cause: 'before' },
  )
})

t.test('async calls that are pending: their results arrive, in their own time', async t => {
  const py = await spawned(t, 'call_sync.py', { threads: 2 })
  const before = upTo(50).map(at => py.call('echo', at))
  const later = py.call('sleep', 0.05)
  const failing = rejection(py.call('fail', 'async'))
  let seen = 0
  for (const call of before) void call.then(() => seen++)
  t.equal(py.callSync('sleep', 0.02), 0.02)
  t.equal(seen, 0, 'their continuations run when this one has ended')
  t.strictSame(await within('the calls', Promise.all(before)), upTo(50))
  t.equal(await within('the long one', later), 0.05)
  t.match(await failing, { pythonMessage: 'async' })
})

t.test('streams that are read: no item is lost', async t => {
  const py = await spawned(t, 'call_sync.py')
  const items: unknown[] = []
  for await (const item of py.with({ window: 4 }).stream('count', 100)) {
    items.push(item)
    if (py.callSync('echo', item) !== item) t.fail(`item ${item}`)
  }
  t.strictSame(items, upTo(100))
})

t.test('inside of a continuation, a callback, an event, and of another callSync', async t => {
  const py = await spawned(t, 'call_sync.py', { threads: 2, stdout: 'events' })
  t.equal(await py.call('echo', 1).then(value => py.callSync('echo', value)), 1)
  const results = await Promise.all(
    upTo(30).map(async at => {
      const first = await py.call('echo', at)
      const second = py.callSync('echo', first)
      return py.call('echo', second)
    }),
  )
  t.strictSame(results, upTo(30))
  t.equal(
    await within(
      'the callback',
      py.call('call', () => py.callSync('echo', 7)),
    ),
    7,
  )
  const heard = new Promise(resolve =>
    py.once('stdout', line => resolve([line, py.callSync('echo', 8)])),
  )
  await py.call('say', 'hello')
  t.strictSame(await within('the event', heard), ['hello', 8])
})

t.test('a callback during it: BlockedError in Python, and no deadlock', async t => {
  for (const threads of [1, 2]) {
    const py = await spawned(t, 'call_sync.py', { threads })
    for (const name of ['catch', 'catch_later']) {
      let called = false
      const caught = py.with({ timeout: 20_000 }).callSync(name, () => {
        called = true
      })
      t.match(caught, ['BlockedError', 'ERR_BLOCKED', /callSync/])
      t.equal(called, false)
    }
    const error = thrown(() => py.with({ timeout: 20_000 }).callSync('call', () => 1))
    t.match(error, { code: 'ERR_BLOCKED', message: /callSync/ })
    const drawn = py.with({ timeout: 20_000 }).callSync('catch_iterating', [1, 2].values())
    t.equal(drawn, 'BlockedError')
    t.equal(
      await within(
        'and otherwise',
        py.call('call', () => 5),
      ),
      5,
    )
    await py.close()
  }
})

t.test('a callback of another call during it: that one hears of it, both end', async t => {
  const py = await spawned(t, 'call_sync.py', { threads: 2 })
  const [started, end] = [gate(), gate()]
  const other = py.call('call_until', () => 1, started.path, end.path)
  await started.opened()
  t.equal(py.with({ timeout: 20_000 }).callSync('sleep_then_open', 0.05, end.path), 0.05)
  t.match(await within('the other call', other), { ok: true, blocked: true })
})

t.test('while the only thread waits for a function of Node: BlockedError, no deadlock', async t => {
  const py = await spawned(t, 'call_sync.py')
  const caller = py.with({ timeout: 20_000 })
  const inside = await within(
    'the call',
    caller.call('catch', () => caller.callSync('echo', 'inside')),
  )
  t.match(inside, ['BlockedError', 'ERR_BLOCKED', /threads: 2/])
  const beside = (resolve: (code: string | undefined) => void) =>
    setImmediate(() => resolve(thrown(() => caller.callSync('echo', 'beside')).code))
  t.equal(
    await within(
      'the call',
      caller.call('call', () => new Promise(beside)),
    ),
    'ERR_BLOCKED',
  )
  const waiting = await within(
    'the coroutine',
    caller.call('catch_later', async () => caller.callSync('echo', 'of a coroutine')),
  )
  t.equal(waiting, null, 'a coroutine that waits is in nobody’s way')
  t.equal(
    await within(
      'and otherwise',
      py.call('call', async () => 5),
    ),
    5,
  )
})

t.test('a function that never answers, of a call that was aborted, is in nobody’s way', async t => {
  const py = await spawned(t, 'call_sync.py')
  const controller = new AbortController()
  const aborted = rejection(
    py.with({ signal: controller.signal }).call('call', () => {
      setImmediate(() => controller.abort())
      return new Promise(() => {})
    }),
  )
  t.equal((await within('rejection', aborted)).code, 'ERR_ABORTED')
  t.equal(py.with({ timeout: 20_000 }).callSync('echo', 1), 1)
})

t.test(
  'all threads wait for functions that have begun: these are told, and it goes on',
  async t => {
    const py = await spawned(t, 'call_sync.py', { threads: 2 })
    let running = 0
    const never = () => {
      running++
      return new Promise(() => {})
    }
    const caught = [py.call('catch', never), py.call('catch', never)]
    await until('both run', () => running === 2)
    t.equal(py.with({ timeout: 20_000 }).callSync('echo', 1), 1)
    for (const outcome of await within('both', Promise.all(caught)))
      t.match(outcome, ['BlockedError', 'ERR_BLOCKED', /callSync/])
  },
)

t.test('kept functions may come along', async t => {
  const py = await spawned(t, 'call_sync.py')
  py.callSync(
    'keep',
    keep(() => 9),
  )
  t.equal(await py.call('call_kept'), 9)
  t.strictSame(py.callSync('catch_kept'), 'BlockedError')
})

t.test('tensors there and back, not a byte is copied', async t => {
  const py = await spawned(t, 'call_sync.py')
  const array = py.tensor('float64', [100_000])
  array.data.fill(3)
  for (let time = 0; time < 20; time++) {
    const result = py.callSync('doubled', array) as Tensor<'float64'>
    t.ok(result.data.every(value => value === 6))
    result.dispose()
  }
  using same = py.callSync('echo', array) as Tensor
  t.equal(same.at(99_999), 3)
  t.equal(py.stats().copiedBytes, 0)
  array.dispose()
  same.dispose()
  await released(py)
})

t.test('results of every size', async t => {
  const py = await spawned(t, 'call_sync.py', { ringBytes: 65_536 })
  for (const size of [0, 1, 1000, 20_000, 65_536, 600_000, 5_000_000]) {
    t.equal((py.callSync('text', size) as string).length, size)
    const text = 'y'.repeat(size)
    if (py.callSync('echo', text) !== text) t.fail(`${size} there and back`)
  }
  t.equal((py.callSync('numbers', 200_000) as number[])[199_999], 199_999)
})

t.test('the worker is killed during it: WorkerExitedError with its signal', async t => {
  const py = await spawned(t, 'call_sync.py', { stderr: 'events' })
  const pending = rejection<WorkerExitedError>(py.call('sleep_long_later'))
  const error = thrown(() => py.callSync('kill_itself'))
  t.match(error, { name: 'WorkerExitedError', code: 'ERR_WORKER_EXITED', signal: 'SIGKILL' })
  t.match(await within('the pending one', pending), { code: 'ERR_WORKER_EXITED' })
  t.match(
    thrown(() => py.callSync('echo', 1)),
    { code: 'ERR_WORKER_EXITED' },
  )
})

t.test('the worker exits during it: its exit code', async t => {
  const py = await spawned(t, 'call_sync.py', { stderr: 'events' })
  const error = thrown(() => py.callSync('exit', 5))
  t.match(error, { code: 'ERR_WORKER_EXITED', exitCode: 5, signal: null })
})

t.test('the bridge is closed, or full', async t => {
  const py = await spawned(t, 'call_sync.py', { window: 1, maxQueue: 0 })
  const running = py.call('sleep', 0.05)
  t.equal(thrown(() => py.callSync('echo', 1)).code, 'ERR_QUEUE_FULL')
  await running
  t.equal(py.callSync('echo', 1), 1)
  await within('close', py.close())
  t.equal(thrown(() => py.callSync('echo', 1)).code, 'ERR_CLOSED')
})

t.test('it waits for its turn when the window is full', async t => {
  const py = await spawned(t, 'call_sync.py', { window: 2, ringBytes: 4096 })
  const before = upTo(100).map(at => py.call('echo', 'x'.repeat(at)))
  t.equal(py.callSync('echo', 'after them'), 'after them')
  t.equal((await Promise.all(before)).length, 100)
})

t.test('a script that only calls so ends by itself', async t => {
  const program = runProgram('sync-script')
  t.same(await program.ended, { code: 0, signal: null }, program.errors())
  t.strictSame(program.lines, ['sum 4950', 'progress 0.5'])
})

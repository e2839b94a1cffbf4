// Deadlines and signals: the promise rejects at once, the neighbours do not notice, and nothing is left behind.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AbortError, Tensor, TimeoutError } from 'isthmus'
import t from 'tap'
import { rejection, spawned } from './spawned.js'

const folder = mkdtempSync(join(tmpdir(), 'isthmus-gates-'))
t.teardown(() => rmSync(folder, { recursive: true }))
let gates = 0

function gate() {
  const path = join(folder, String(gates++))
  return { path, open: () => writeFileSync(path, '') }
}

t.test('timeout rejects while the call still runs, and says so', async t => {
  const py = await spawned(t, 'waiting.py')
  const { path, open } = gate()
  const error = await rejection<TimeoutError>(py.with({ timeout: 20 }).call('wait_for', path, 'a'))
  t.match(error, { name: 'TimeoutError', code: 'ERR_TIMEOUT', timeout: 20 })
  t.match(error.message, 'wait_for() took longer than its timeout of 20 ms')
  t.equal(py.stats().pending, 0)
  const next = py.call('echo', 'next')
  t.equal(await next, 'next', 'it is interrupted: see 46-cancellation')
  t.strictSame(await py.call('seen'), ['a'])
  open()
})

t.test(
  'the timeout of spawn() holds for every call, one of with() goes first, 0 turns it off',
  async t => {
    const py = await spawned(t, 'waiting.py', { timeout: 30 })
    const { path, open } = gate()
    t.match(await rejection(py.call('wait_for', path)), { code: 'ERR_TIMEOUT', timeout: 30 })
    t.match(await rejection(py.fn.wait_for!(path)), { code: 'ERR_TIMEOUT', timeout: 30 })
    const other = py.with({ timeout: 10 })
    t.match(await rejection(other.fn.wait_for!(path)), { code: 'ERR_TIMEOUT', timeout: 10 })
    const patient = py.with({ timeout: 0 }).call('wait_for', path, 'patient')
    t.match(await rejection(py.call('wait_for', path)), { code: 'ERR_TIMEOUT' })
    open()
    t.equal(await patient, 'patient')
  },
)

t.test('a signal rejects at once, with its reason as the cause', async t => {
  const py = await spawned(t, 'waiting.py')
  const { path, open } = gate()
  const controller = new AbortController()
  const call = py.with({ signal: controller.signal }).call('wait_for', path)
  const reason = new Error('not needed any more')
  controller.abort(reason)
  const error = await rejection<AbortError>(call)
  t.match(error, { name: 'AbortError', code: 'ERR_ABORTED' })
  t.equal(error.cause, reason)
  open()
  t.equal(await py.call('echo', 1), 1)
})

t.test('a signal that is aborted already: the call is never sent', async t => {
  const py = await spawned(t, 'waiting.py')
  const { calls } = py.stats()
  const signal = AbortSignal.abort('before')
  const error = await rejection<AbortError>(py.with({ signal }).call('note', 1))
  t.match(error, { code: 'ERR_ABORTED', cause: 'before' })
  t.equal(py.stats().calls, calls)
  t.strictSame(await py.call('seen'), [])
})

t.test(
  'aborted while it waits for the window: it never runs, and the others keep their order',
  async t => {
    const py = await spawned(t, 'waiting.py', { window: 1 })
    const { path, open } = gate()
    const controller = new AbortController()
    const caller = py.with({ signal: controller.signal })
    const first = py.call('wait_for', path, 'first')
    using tensor = py.tensor('float64', [1000])
    const calls = [
      py.call('note', 'second'),
      caller.call('note', 'never', tensor),
      py.call('note', 'third'),
      caller.call('note', 'never', new Float64Array(1000)),
    ]
    const aborted = [rejection(calls[1]!), rejection(calls[3]!)]
    controller.abort()
    for (const error of await Promise.all(aborted)) t.equal(error.code, 'ERR_ABORTED')
    t.equal(py.stats().ownBlocks, 1, "the waiting calls' memory is free")
    open()
    t.strictSame(await Promise.all([first, calls[0], calls[2]]), ['first', 'second', 'third'])
    t.strictSame(await py.call('seen'), ['first', 'second', 'third'])
  },
)

t.test('aborted in the queue of the worker: it never runs either', async t => {
  const py = await spawned(t, 'waiting.py')
  const { path, open } = gate()
  const controller = new AbortController()
  const first = py.call('wait_for', path, 'first')
  const never = rejection(py.with({ signal: controller.signal }).call('note', 'never'))
  const third = py.call('note', 'third')
  controller.abort()
  t.equal((await never).code, 'ERR_ABORTED')
  open()
  t.strictSame(await Promise.all([first, third]), ['first', 'third'])
  t.strictSame(await py.call('seen'), ['first', 'third'])
})

t.test(
  'a running call that is aborted: neighbours unharmed, late results dropped, nothing left',
  async t => {
    const py = await spawned(t, 'waiting.py')
    const { path, open } = gate()
    const controller = new AbortController()
    const caller = py.with({ signal: controller.signal })
    const input = py.tensor('float64', [10_000])
    const running = rejection(caller.call('wait_with', path, input))
    const making = rejection(caller.call('wait_and_make', path, 100_000))
    const neighbour = py.call('echo', input)
    input.dispose()
    controller.abort()
    t.equal((await running).code, 'ERR_ABORTED')
    t.equal((await making).code, 'ERR_ABORTED')
    open()
    const result = (await neighbour) as Tensor
    t.equal(result.size, 10_000)
    result.dispose()
    await py.call('echo', null)
    t.match(py.stats(), { leases: 0, ownBlocks: 0, borrowedBlocks: 0, pending: 0 })
  },
)

t.test('one signal serves any number of calls, without a warning of Node', async t => {
  const py = await spawned(t, 'waiting.py')
  const warnings: Error[] = []
  const listen = (warning: Error) => warnings.push(warning)
  process.on('warning', listen)
  const controller = new AbortController()
  const caller = py.with({ signal: controller.signal })
  const calls = Array.from({ length: 100 }, () => rejection(caller.call('echo', 1)))
  controller.abort()
  for (const error of await Promise.all(calls)) t.equal(error.code, 'ERR_ABORTED')
  await new Promise(resolve => setImmediate(resolve)) // warnings come in a turn of their own
  process.off('warning', listen)
  t.strictSame(warnings, [])
})

t.test('credit comes back: more calls than the window are aborted, again and again', async t => {
  const py = await spawned(t, 'waiting.py', { window: 3, ringBytes: 4096 })
  for (let round = 0; round < 20; round++) {
    const { path, open } = gate()
    const controller = new AbortController()
    const caller = py.with({ signal: controller.signal })
    const aborted = [caller.call('wait_for', path)]
    for (let number = 0; number < 7; number++) aborted.push(caller.call('echo', 'x'.repeat(500)))
    const outcomes = Promise.allSettled(aborted)
    const kept = py.call('echo', round)
    controller.abort()
    t.ok((await outcomes).every(outcome => outcome.status === 'rejected'))
    open()
    t.equal(await kept, round)
  }
})

t.test('timeouts by the thousand over a tiny ring: every call is settled', async t => {
  const py = await spawned(t, 'waiting.py', { ringBytes: 4096 })
  const { path, open } = gate()
  const caller = py.with({ timeout: 5 })
  const calls = Array.from({ length: 1000 }, () => caller.call('wait_for', path))
  const outcomes = await Promise.allSettled(calls)
  t.ok(outcomes.every(({ status }) => status === 'rejected'))
  open()
  t.equal(await py.call('echo', 'still here'), 'still here')
})

t.test('a call that is answered in time leaves neither timer nor listener', async t => {
  const py = await spawned(t, 'waiting.py')
  const timers = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
  const before = timers()
  const { signal } = new AbortController()
  let listeners = 0
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++
    add(...args)
  }
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--
    remove(...args)
  }
  await Promise.all(
    Array.from({ length: 50 }, () => py.with({ signal, timeout: 60_000 }).call('echo', 1)),
  )
  t.equal(listeners, 0)
  t.equal(timers(), before)
})

t.test('an error in Python after the abort is dropped like a result', async t => {
  const py = await spawned(t, 'waiting.py')
  const { path, open } = gate()
  const controller = new AbortController()
  const caller = py.with({ signal: controller.signal })
  const first = rejection(caller.call('wait_for', path))
  const wrong = rejection(caller.call('no_such_function'))
  controller.abort()
  t.match(await Promise.all([first, wrong]), [{ code: 'ERR_ABORTED' }, { code: 'ERR_ABORTED' }])
  open()
  t.equal(await py.call('echo', 2), 2)
})

// How far a call that was given up is followed: told, interrupted, killed; and where it is not.
import type { WorkerExitedError } from 'isthmus'
import t from 'tap'
import { gatesOf } from '../fixtures/gates.js'
import { within } from '../fixtures/watchdog.js'
import { rejection, spawned } from './spawned.js'

const source = `
import os
import time
import isthmus

seen = []

def stuck(n, path):
    for i in range(n):
        yield i
    try:
        open_gate(path)
        while True: pass
    except isthmus.Cancelled:
        seen.append('interrupted')
        raise

def polite(path):
    context = isthmus.context()
    open_gate(path)
    while not context.cancelled: time.sleep(0.001)
    seen.append('told')
    until = time.monotonic() + 0.2
    try:
        while time.monotonic() < until: pass
        seen.append('ended by itself')
    except isthmus.Cancelled:
        seen.append('interrupted')
        raise

def forever():
    while True: pass

def stubborn(path):
    while True:
        try:
            open_gate(path)
            while True: pass
        except BaseException:
            pass

def naps(n):
    for i in range(n):
        time.sleep(0.02)
        yield i

def later(f):
    try:
        f()
    except isthmus.errors.JavaScriptError:
        raise

def look(): return list(seen)

def wait_for(path):
    while not os.path.exists(path): time.sleep(0.001)

def open_gate(path): open(path, 'w').close()
`
const target = { source, name: 'grades' }
const gate = gatesOf(t)

t.test('a stream is left whose generator never yields again: it is interrupted', async t => {
  const py = await spawned(t, target)
  const reached = gate()
  for await (const item of py.stream('stuck', 2, reached.path)) {
    if (item === 0) continue
    await reached.opened()
    break
  }
  t.strictSame(await within('look', py.call('look')), ['interrupted'])
})

t.test('interrupt: false leaves it to the code; a number is a time', async t => {
  const py = await spawned(t, target)
  const begun = gate()
  const controller = new AbortController()
  const patient = py.with({ signal: controller.signal, interrupt: false })
  const polite = rejection(patient.call('polite', begun.path))
  await begun.opened()
  controller.abort()
  t.match(await polite, { code: 'ERR_ABORTED' })
  t.strictSame(await within('look', py.call('look')), ['told', 'ended by itself'])
  const prompt = py.with({ timeout: 10, interrupt: 0 })
  t.match(await rejection(prompt.call('forever')), { code: 'ERR_TIMEOUT' })
  t.ok(await within('look', py.call('look')))
})

t.test('kill: the other calls are told for which function the worker was killed', async t => {
  const py = await spawned(t, target)
  const begun = gate()
  const controller = new AbortController()
  const given = py.with({ signal: controller.signal, kill: 50 })
  const killing = rejection(given.call('stubborn', begun.path))
  await begun.opened()
  const behind = rejection<WorkerExitedError>(py.call('look'))
  controller.abort()
  const other = await within('other', behind)
  t.match(other, { code: 'ERR_WORKER_EXITED', signal: 'SIGKILL', killedFor: 'stubborn' })
  t.match(other.message, /because stubborn\(\) went on after its call had been given up/)
  t.match(await killing, { code: 'ERR_ABORTED' })
})

t.test('kill: a call that has not begun takes nobody with it', async t => {
  const py = await spawned(t, target)
  const controller = new AbortController()
  const begun = gate()
  const patient = py.with({ signal: controller.signal, interrupt: false })
  const running = patient.call('polite', begun.path)
  await begun.opened()
  const queued = rejection(py.with({ timeout: 5, kill: 200 }).call('look'))
  t.match(await queued, { code: 'ERR_TIMEOUT' })
  await new Promise(resolve => setTimeout(resolve, 300)) // more than the grace: nothing must happen in it
  controller.abort()
  t.match(await rejection(running), { code: 'ERR_ABORTED' })
  t.strictSame(await within('look', py.call('look')), ['told', 'ended by itself'])
})

t.test('kill: a call that was answered while the event loop stood still ends nobody', async t => {
  const py = await spawned(t, target)
  const [go, answered] = [gate(), gate()]
  const given = rejection(
    py.with({ timeout: 5, interrupt: false, kill: 20 }).call('wait_for', go.path),
  )
  const next = py.call('open_gate', answered.path)
  t.match(await given, { code: 'ERR_TIMEOUT' })
  await new Promise(resolve => setImmediate(resolve)) // timers are next, and what the ring has comes after them
  go.open()
  const due = performance.now() + 30
  while (!answered.isOpen || performance.now() < due);
  await within('the next call', next)
  t.strictSame(await within('look', py.call('look')), [])
})

t.test('the timeout of spawn() is for calls; a stream has the one that it is given', async t => {
  const py = await spawned(t, target, { timeout: 50 })
  const items: unknown[] = []
  for await (const item of py.stream('naps', 6)) items.push(item)
  t.equal(items.length, 6)
  const limited = py.with({ timeout: 50 }).stream('naps', 100)
  const read = async () => {
    for await (const _ of limited);
  }
  t.match(await rejection(within('stream', read())), { code: 'ERR_TIMEOUT' })
})

t.test('what a function of Node threw, and Python did not catch, is the cause', async t => {
  const py = await spawned(t, target)
  const thrown = Object.assign(new RangeError('too far'), { code: 'E_FAR' })
  const error = await rejection(
    py.call('later', () => {
      throw thrown
    }),
  )
  t.match(error, { code: 'ERR_PYTHON', type: 'isthmus.errors.JavaScriptError' })
  t.match(error.cause, { name: 'RangeError', message: 'too far', code: 'E_FAR' })
})

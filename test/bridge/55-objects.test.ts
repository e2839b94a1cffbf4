// Objects with state: they stay in the worker, their methods are called, and they are dropped there when Node is done.
import { inspect } from 'node:util'
import { type Bridge, keep, kwargs, type RemoteObject, type Tensor } from 'isthmus'
import t from 'tap'
import { gatesOf } from '../fixtures/gates.js'
import { runProgram } from '../fixtures/processes.js'
import { until, within } from '../fixtures/watchdog.js'
import { exitOf, rejection, released, spawned } from './spawned.js'

const gate = gatesOf(t)
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at)

const alive = (py: Bridge, count: number) =>
  until(
    `${count} objects are alive`,
    async () => {
      globalThis.gc!()
      await new Promise(resolve => setImmediate(resolve))
      return (await py.call('alive')) === count
    },
    () => py.stats(),
  )

async function items(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const items: unknown[] = []
  for await (const item of stream) items.push(item)
  return items
}

for (const threads of [1, 2])
  t.test(`create(), then its methods: it keeps its state; threads: ${threads}`, async t => {
    const py = await spawned(t, 'stateful.py', { threads })
    using sim = await py.create('Simulation', 3)
    using fast = await py.create('Simulation', 3, kwargs({ speed: 10 }))
    t.equal(await sim.call('step', 0.5), 0.5)
    t.equal(await sim.fn.step!(1), 1.5)
    t.equal(await fast.call('step', kwargs({ dt: 2 })), 20)
    t.equal(await sim.call('step_later', 1), 2.5)
    t.equal(await sim.fn.of_class!(), 'Simulation')
    t.equal(await sim.fn.of_nobody!(1), 2)
    t.equal(await py.call('alive'), 2)
  })

t.test('streams, callbacks, callSync and progress of methods', async t => {
  const py = await spawned(t, 'stateful.py')
  using sim = await py.create('Simulation', 2)
  t.strictSame(await items(sim.stream('run', 4, 1)), [1, 2, 3, 4])
  t.strictSame(await items(sim.stream('run_later', 2, 1)), [5, 6])
  for await (const value of sim.stream('run', 1000, 1)) if (value === 8) break
  t.strictSame(await sim.call('each', (x: number) => x >= 8), [true, true])
  t.ok((sim.callSync('step', 0) as number) >= 8)
  using clock = await py.create('Clock')
  const reports: unknown[] = []
  const onProgress = (...report: unknown[]) => reports.push(report)
  t.equal(await clock.with({ onProgress }).call('report'), 1)
  t.strictSame(reports, [[0.5, 'half']])
  t.ok(((await clock.with({ timeout: 60_000 }).call('deadline')) as number) > 0)
  t.equal(await clock.call('deadline'), null)
  t.equal(await clock.call('name'), 'name')
})

t.test('arrays of a method cross by reference, and its own is not torn', async t => {
  const py = await spawned(t, 'stateful.py')
  const n = 20_000
  using sim = await py.create('Simulation', n)
  const states: Tensor[] = []
  for (let time = 1; time <= 5; time++) {
    t.equal(await sim.call('step', 1), time)
    states.push((await sim.call('state')) as Tensor)
  }
  for (const [at, state] of states.entries()) t.equal(state.at(n - 1), at + 1)
  t.equal(py.stats().copiedBytes, 0)
  for (const state of states.splice(0)) state.dispose()
  await released(py)
})

t.test('as an argument it is the object itself, at any depth; it comes back as it is', async t => {
  const py = await spawned(t, 'stateful.py')
  using one = await py.create('Simulation', 1)
  using two = await py.create('Simulation', 1)
  await one.call('step', 3)
  await two.call('step', 4)
  t.strictSame(await one.call('join', one), [true, 6])
  t.strictSame(await one.call('join', two), [false, 7])
  t.equal(await py.call('total', { all: [one, two, one] }), 10)
  t.strictSame(await items(py.stream('stream_of', one, 2)), [4, 5])
  t.equal(await one.call('itself'), one)
  const { pair } = (await one.call('both', two)) as { pair: RemoteObject[] }
  t.equal(pair[0], one)
  t.equal(pair[1], two)
})

t.test(
  'a function may be what create() calls; what is no object of Node cannot be returned',
  async t => {
    const py = await spawned(t, 'stateful.py')
    using made = await py.create('make', 2)
    t.equal(await made.call('step', 1), 1)
    t.match(await rejection(made.call('child')), { code: 'ERR_VALUE' })
    t.match(await rejection(py.call('make', 2)), { code: 'ERR_VALUE' })
    using inner = await py.create('Simulation.Inner', 5)
    t.equal(await inner.call('get'), 5)
  },
)

t.test('what is wrong with create() or a method is told', async t => {
  const py = await spawned(t, 'stateful.py')
  t.match(await rejection(py.create('Simulatoin', 1)), { code: 'ERR_FUNCTION_NOT_FOUND' })
  t.match(await rejection(py.create('_Hidden')), { code: 'ERR_FUNCTION_NOT_FOUND' })
  t.match(await rejection(py.create('Simulation')), { code: 'ERR_ARGUMENTS' })
  t.match(await rejection(py.create('Simulation', 1, kwargs({ fail: true }))), {
    code: 'ERR_PYTHON',
    type: 'ValueError',
    pythonMessage: 'no such simulation',
  })
  using sim = await py.create('Simulation', 1)
  t.match(await rejection(sim.call('stpe', 1)), { code: 'ERR_FUNCTION_NOT_FOUND' })
  for (const name of ['_private', '__init__', '__class__', 'size', 'kind', 'positions'])
    t.match(await rejection(sim.call(name)), { code: 'ERR_FUNCTION_NOT_FOUND' }, name)
  t.match(await rejection(sim.call('step')), { code: 'ERR_ARGUMENTS' })
  t.match(await rejection(sim.call('fail')), { code: 'ERR_PYTHON', type: 'RuntimeError' })
  t.match(await rejection(sim.call('step', Symbol('s'))), { code: 'ERR_VALUE', path: 'args[0]' })
  t.match(await rejection(sim.stream('nothing').next()), { code: 'ERR_FUNCTION_NOT_FOUND' })
  t.equal(await sim.call('step', 1), 1)
  t.equal(await py.call('alive'), 1)
})

t.test('dispose(): Python drops it, and whatever is done with it then says so', async t => {
  const py = await spawned(t, 'stateful.py')
  const sim = await py.create('Simulation', 1)
  const { fn } = sim
  const caller = sim.with({ timeout: 60_000 })
  sim.dispose()
  await alive(py, 0)
  const gone = { name: 'ObjectGoneError', code: 'ERR_OBJECT_GONE', message: /create\(\) another/ }
  t.match(await rejection(sim.call('step', 1)), gone)
  t.match(await rejection(fn.step!(1)), gone)
  t.match(await rejection(caller.call('step', 1)), gone)
  t.match(await rejection(sim.stream('run', 1, 1).next()), gone)
  t.match(await rejection(sim.create('Inner')), gone)
  t.throws(() => sim.callSync('step', 1), gone)
  t.match(await rejection(py.call('total', { all: [sim] })), gone)
  t.doesNotThrow(() => sim.dispose(), 'twice is as good as once')
  t.match(inspect(sim), /RemoteObject\(\d+, gone\)/)
})

t.test('dispose() while its methods run: they go on', async t => {
  const py = await spawned(t, 'stateful.py', { threads: 2 })
  const [started, end] = [gate(), gate()]
  const sim = await py.create('Simulation', 1)
  const call = sim.call('wait', started.path, end.path)
  const stream = sim.stream('run', 20, 1)
  t.strictSame(await stream.next(), { done: false, value: 1 })
  await started.opened()
  sim.dispose()
  end.open()
  t.equal(typeof (await within('the call', call)), 'number')
  t.equal((await within('the stream', items(stream))).length, 19)
  await alive(py, 0)
})

t.test('one that is given up is dropped when it is collected', async t => {
  const py = await spawned(t, 'stateful.py')
  await (async () => {
    for (let at = 0; at < 20; at++) {
      const sim = await py.create('Simulation', 1)
      t.equal(await sim.call('step', at), at)
    }
  })()
  await alive(py, 0)
})

t.test('one that is in use is not collected', async t => {
  const py = await spawned(t, 'stateful.py')
  const stream = await (async () => (await py.create('Simulation', 1)).stream('run', 50, 1))()
  const { fn } = await py.create('Simulation', 1)
  let read = 0
  for await (const _ of stream) {
    if (read++ % 10 === 0) {
      globalThis.gc!()
      await new Promise(resolve => setImmediate(resolve))
    }
  }
  t.equal(read, 50)
  t.equal(await fn.step!(1), 1, 'the functions of an object are enough to keep it')
})

t.test('a function given to create() lives as long as the object', async t => {
  const py = await spawned(t, 'stateful.py')
  function* values() {
    yield* upTo(10)
  }
  const listening = await py.create('Listening', (x: number) => x + 1, values())
  t.equal(await listening.call('call', 1), 2)
  t.equal(await listening.call('next'), 0)
  globalThis.gc!()
  t.equal(await listening.call('call', 2), 3)
  t.equal(await listening.call('next'), 1)
  using sim = await py.create('Simulation', 1)
  await sim.call(
    'listen',
    keep((...args: number[]) => args.length),
  )
  t.equal(await sim.call('shout', 1, 2), 2)
  await sim.call('listen', () => 0)
  t.match(await rejection(sim.call('shout')), { message: /has ended/ })
  listening.dispose()
})

t.test('with(): timeouts and signals for methods', async t => {
  const py = await spawned(t, 'stateful.py', { threads: 2 })
  using sim = await py.create('Simulation', 1)
  t.match(await rejection(sim.with({ timeout: 20 }).call('spin')), { code: 'ERR_TIMEOUT' })
  const controller = new AbortController()
  const aborted = rejection(sim.with({ signal: controller.signal }).call('spin'))
  controller.abort()
  t.match(await aborted, { code: 'ERR_ABORTED' })
  t.equal(await sim.call('step', 1), 1)
})

t.test('of another bridge: not as an argument', async t => {
  const py = await spawned(t, 'stateful.py')
  const other = await spawned(t, 'stateful.py')
  using sim = await py.create('Simulation', 1)
  t.match(await rejection(other.call('total', { all: [sim] })), { code: 'ERR_OBJECT_GONE' })
  using stranger = await other.create('Simulation', 1)
  t.match(await rejection(py.call('total', { all: [sim, stranger] })), { code: 'ERR_OBJECT_GONE' })
  t.equal(await py.call('total', { all: [sim] }), 0)
})

t.test('its worker dies, or is closed: calls reject with ObjectGoneError', async t => {
  for (const end of ['kill', 'close']) {
    const py = await spawned(t, 'stateful.py')
    const sim = await py.create('Simulation', 1)
    if (end === 'kill') {
      const exit = exitOf(py)
      process.kill(py.pid, 'SIGKILL')
      await within('exit', exit)
    } else await within('close', py.close())
    t.match(await rejection(sim.call('step', 1)), { code: 'ERR_OBJECT_GONE' })
    t.doesNotThrow(() => sim.dispose())
  }
})

t.test('an object does not keep Node alive, nor does a kept function', async t => {
  const program = runProgram('stream-exits', ['object'])
  t.same(await program.ended, { code: 0, signal: null }, program.errors())
  t.strictSame(program.lines, ['made'])
})

t.test('1,000 objects leave nothing', async t => {
  const py = await spawned(t, 'stateful.py')
  const all = await Promise.all(upTo(1000).map(() => py.create('Simulation', 1)))
  t.equal(await py.call('alive'), 1000)
  t.equal(py.stats().objects, 1000)
  for (const sim of all.splice(0)) sim.dispose()
  await alive(py, 0)
  t.match(py.stats(), { pending: 0, objects: 0 })
})

const slow = `
import time

class Slow:
    def __init__(self, report=None):
        self.report = report

    def run(self, seconds):
        time.sleep(seconds)
        return self.report(seconds) if self.report else seconds

def keep(*values):
    pass
`

t.test('an object that only its running method refers to is not collected', async t => {
  const py = await spawned(t, { source: slow })
  let waits = true
  const result = (async () => {
    const object = await py.create('Slow', (seconds: number) => 2 * seconds)
    return object.call('run', 0.3)
  })()
  void result.finally(() => {
    waits = false
  })
  while (waits) {
    globalThis.gc!()
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  t.equal(await result, 0.6)
})

t.test('calls that were made before dispose() find the object, those that wait too', async t => {
  const py = await spawned(t, { source: slow }, { window: 2 })
  const object = await py.create('Slow')
  const calls = [0.01, 0.02, 0.03, 0.04].map(seconds => object.call('run', seconds))
  object.dispose()
  t.strictSame(await within('the calls', Promise.all(calls)), [0.01, 0.02, 0.03, 0.04])
  await until('it is dropped', async () => {
    await py.call('keep')
    return py.stats().pending === 0
  })
})

t.test(
  'an argument that was copied is let go when an object of another bridge is refused',
  async t => {
    const [py, other] = [await spawned(t, { source: slow }), await spawned(t, { source: slow })]
    const object = await other.create('Slow')
    const error = await rejection(py.call('keep', new Float64Array(100_000), object))
    t.equal(error.code, 'ERR_OBJECT_GONE')
    t.equal(py.stats().ownBlocks, 0)
  },
)

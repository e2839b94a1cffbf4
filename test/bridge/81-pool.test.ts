// Several workers that serve the same module: where calls go, and in what order. (DESIGN 1, pool)
import { kwargs, pool, type RemoteObject, type Tensor } from 'isthmus'
import t from 'tap'
import {
  all,
  appears,
  folderFor,
  gateFor,
  next,
  pidsOf,
  poolFor,
  script,
} from '../fixtures/pools.js'
import { gone, isAlive } from '../fixtures/processes.js'
import { until, within } from '../fixtures/watchdog.js'

t.test('every worker is a process of its own, and all are gone after close()', async t => {
  const py = await poolFor(t, { workers: 3 })
  const pids = (await py.broadcast('pid')) as number[]
  t.same(pids, pidsOf(py))
  t.equal(new Set(pids).size, 3)
  t.equal(py.size, 3)
  await within('close', py.close())
  t.same(pids.filter(isAlive), [])
  t.equal(py.closed, true)
  await t.rejects(py.call('pid'), { code: 'ERR_CLOSED', message: /pool/ })
  t.throws(() => py.tensor('float32', [1]), { code: 'ERR_CLOSED' })
})

t.test('workers are used at the same time, and what is free first gets the next call', async t => {
  const py = await poolFor(t)
  const gates = [gateFor(t), gateFor(t)]
  const held = gates.map(({ path }) => py.call('wait_for', path))
  const third = py.call('pid')
  t.equal(py.stats().queued, 1, 'both workers are busy')
  t.same(
    py.stats().workers.map(({ running }) => running),
    [1, 1],
  )
  gates[1]!.open()
  const [, second] = pidsOf(py)
  t.equal(await within('the third call', third), second)
  t.equal(await within('the second call', held[1]!), second)
  gates[0]!.open()
  t.equal(await within('the first call', held[0]!), pidsOf(py)[0])
})

t.test('1,000 calls: every result is its own, and the workers share the work', async t => {
  const py = await poolFor(t)
  const results = await all(
    py,
    Array.from({ length: 1000 }, (_, at) => py.call('double', at)),
  )
  t.ok(results.every((result, at) => result === 2 * at))
  const { workers, calls, queued, threads, wait, run, transfer } = py.stats()
  t.equal(threads, 1)
  t.ok(workers.every(worker => worker.calls > 0 && worker.busy === 0))
  t.equal(calls, 1000)
  t.equal(queued, 0)
  t.equal(py.histograms.wait.count, 1000)
  for (const timing of [wait, run, transfer])
    t.ok(
      timing.count === 1000 &&
        timing.p50 > 0 &&
        timing.p50 <= timing.p99 &&
        timing.p99 <= timing.max,
    )
})

t.test(
  'a call is encoded when it is made: what happens to its arguments later changes nothing',
  async t => {
    const py = await poolFor(t, { workers: 1 })
    const gate = gateFor(t)
    const held = py.call('wait_for', gate.path)
    const tensor = py.tensor.from(new Float64Array([1, 2, 3]))
    const numbers = [4, 5]
    const waiting = [py.call('total', tensor), py.call('total', numbers)]
    tensor.dispose()
    numbers.push(1000)
    t.throws(() => tensor.data, { code: 'ERR_DISPOSED' })
    await t.rejects(py.call('total', { x: Symbol('s') }), { code: 'ERR_VALUE' })
    gate.open()
    await within('the first', held)
    t.same(await all(py, waiting), [6, 9])
    t.equal(py.stats().ownBlocks, 0, 'and what waited holds nothing any more')
  },
)

t.test(
  'async def functions need no place: they run beside each other, and beside a plain one',
  async t => {
    const py = await poolFor(t, { workers: 1 })
    const gate = gateFor(t)
    const held = Array.from({ length: 10 }, () => py.call('wait_for_async', gate.path))
    await until(
      'ten are under way',
      () => py.stats().workers[0]!.busy === 10,
      () => py.stats(),
    )
    t.equal(py.stats().queued, 0)
    t.equal(py.stats().workers[0]!.running, 0)
    t.equal(await within('a plain call', py.call('double', 4)), 8)
    gate.open()
    t.same(await all(py, held), Array(10).fill(pidsOf(py)[0]))
  },
)

t.test('concurrency: one worker has several calls at a time', async t => {
  const py = await poolFor(t, { workers: 1, concurrency: 3, threads: 2 })
  const gate = gateFor(t)
  const held = [py.call('wait_for', gate.path), py.call('wait_for', gate.path)]
  const third = py.call('double', 1)
  const fourth = py.call('double', 2)
  t.equal(py.stats().workers[0]!.running, 3)
  t.equal(py.stats().queued, 1)
  gate.open()
  t.same(await all(py, [...held, third, fourth]), [...Array(2).fill(pidsOf(py)[0]), 2, 4])
})

t.test('a call that is aborted while it waits is never sent', async t => {
  const py = await poolFor(t, { workers: 1 })
  const gate = gateFor(t)
  const folder = folderFor(t)
  const held = py.call('wait_for', gate.path)
  const controller = new AbortController()
  const aborted = py.with({ signal: controller.signal }).call('touch', folder, 'aborted')
  const late = py.with({ timeout: 1 }).call('touch', folder, 'late')
  controller.abort('enough')
  await t.rejects(aborted, { code: 'ERR_ABORTED', cause: 'enough' })
  await t.rejects(within('the timeout', late), { code: 'ERR_TIMEOUT' })
  t.equal(py.stats().queued, 0)
  gate.open()
  await within('the first', held)
  await py.call('touch', folder, 'last')
  await appears(`${folder}/last`)
  t.same((await import('node:fs')).readdirSync(folder), ['last'])
})

t.test(
  'the place of a call that nobody waits for is taken until the worker is done with it',
  async t => {
    const py = await poolFor(t, { workers: 1 })
    const held = py.with({ timeout: 20 }).call('wait_for', '/nowhere')
    await t.rejects(within('the timeout', held), { code: 'ERR_TIMEOUT' })
    const { running, busy } = py.stats().workers[0]!
    t.same({ running, busy }, { running: 1, busy: 1 })
    t.equal(await within('the next', py.call('double', 3), () => py.stats()), 6)
    t.equal(py.stats().workers[0]!.running, 0)
  },
)

t.test('a stream runs in one worker and takes no place', async t => {
  const py = await poolFor(t, { workers: 1 })
  const numbers: unknown[] = []
  await within(
    'the stream',
    (async () => {
      for await (const number of py.stream('numbers', 20))
        numbers.push(await py.call('double', number))
    })(),
    () => py.stats(),
  )
  t.same(
    numbers,
    Array.from({ length: 20 }, (_, at) => 2 * at),
  )
})

t.test('an object lives in one worker, whatever the others do', async t => {
  const py = await poolFor(t)
  const counters = (await all(
    py,
    [10, 20].map(start => py.create('Counter', start)),
  )) as RemoteObject[]
  const results = await all<[number, number]>(
    py,
    counters.flatMap(counter => [1, 2, 3].map(step => counter.call('add', step))),
  )
  t.same(
    results.map(([, value]) => value),
    [11, 13, 16, 21, 23, 26],
  )
  const homes = results.map(([pid]) => pid)
  t.equal(new Set(homes.slice(0, 3)).size, 1)
  t.equal(new Set(homes).size, 2)
  for (const counter of counters) {
    const home = ((await counter.call('add', 0)) as number[])[0]
    // As an argument, it takes the call to its worker.
    t.equal(await within('keep', py.call('keep', counter)), 1)
    t.equal(((await counter.call('add', 0)) as number[])[0], home)
  }
  await t.rejects(py.call('keep', counters), { code: 'ERR_OBJECT_GONE' })
})

t.test('keywords, fn, with() and broadcast(): as in a bridge', async t => {
  const py = await poolFor(t)
  const a = py.tensor.from(new Float64Array([1, 2]))
  const scaled = (await py.fn.scaled!(a, kwargs({ factor: 3, offset: 1 }))) as Tensor<'float64'>
  t.same([...scaled.data], [4, 7])
  t.same(await py.broadcast('double', 4), [8, 8])
  t.same(await py.broadcast('total', a), [3, 3])
  await t.rejects(py.broadcast('refuse', 1, kwargs({ refused: 1 })), { code: 'ERR_PYTHON' })
  await t.rejects(py.call('doubel', 1), { code: 'ERR_FUNCTION_NOT_FOUND' })
})

t.test('callbacks, progress, logs, output and callSync: as in a bridge', async t => {
  const py = await poolFor(t, { workers: 1 })
  const heard = new Set<string>()
  py.on('stderr', (line, worker) => heard.add(`${line}, from ${worker}`))
  py.on('log', (record, worker) => heard.add(`logged: ${record.message}, from ${worker}`))
  const progress: unknown[] = []
  const onProgress = (fraction: number, text: string | undefined) => progress.push([fraction, text])
  const gate = gateFor(t)
  const held = py.call('wait_for', gate.path)
  // It waits in the queue, with all that belongs to it.
  const calls = py.with({ onProgress }).call('apply', (x: number) => x + 1, [1, 2, 3])
  t.equal(py.stats().queued, 1)
  gate.open()
  await within('the first', held)
  t.same(await within('the second', calls, () => py.stats()), [2, 3, 4])
  t.same(progress, [[0.5, 'half']])
  await until(
    'both were heard',
    () => heard.has('on stderr, from 0') && heard.has('logged: applied, from 0'),
    () => [...heard],
  )
  t.equal(py.callSync('double', 4), 8)
})

t.test('a callback may call the pool again, if a worker is free', async t => {
  const py = await poolFor(t)
  const doubled = py.call('apply', (x: number) => py.call('double', x), [1, 2])
  t.same(await within('the call', doubled, () => py.stats()), [2, 4])
})

t.test('affinity: calls with the same key go to the same worker', async t => {
  const py = await poolFor(t, { workers: 3 })
  const homes = new Map<string, Set<number>>()
  const counts = new Map<string, number>()
  const calls = Array.from({ length: 300 }, async (_, at) => {
    const key = `customer ${at % 20}`
    const [pid, count] = (await py.with({ affinity: key }).call('count', key)) as [number, number]
    homes.set(key, (homes.get(key) ?? new Set()).add(pid))
    counts.set(key, Math.max(counts.get(key) ?? 0, count))
  })
  await all(py, calls)
  t.ok([...homes.values()].every(pids => pids.size === 1))
  t.ok(
    [...counts.values()].every(count => count === 15),
    'one worker has seen all calls of a key',
  )
  t.equal(new Set([...homes.values()].flatMap(pids => [...pids])).size, 3, 'keys are spread')
  t.equal(await py.with({ affinity: 7 }).call('pid'), await py.with({ affinity: 7 }).call('pid'))
})

t.test('maxQueue: further calls reject, and drain says when there is room again', async t => {
  const py = await poolFor(t, { workers: 1, maxQueue: 2 })
  const gate = gateFor(t)
  let drains = 0
  py.on('drain', () => drains++)
  const calls = [py.call('wait_for', gate.path), py.call('double', 1), py.call('double', 2)]
  await t.rejects(py.call('double', 3), { code: 'ERR_QUEUE_FULL', maxQueue: 2 })
  t.equal(drains, 0)
  const drained = next(py, 'drain')
  gate.open()
  await drained
  t.equal(py.stats().queued, 0)
  await all(py, calls)
  t.equal(await within('a call', py.call('double', 3)), 6)
  t.equal(drains, 1, 'that one did not wait')
})

t.test('one worker does not start: none is left, and the error is thrown', async t => {
  const folder = folderFor(t)
  const source = `
import os
print(os.getpid(), flush=True)
if os.environ['FAILS'] == 'yes':
    open(os.path.join(${JSON.stringify(folder)}, str(os.getpid())), 'w')
    raise RuntimeError('no')
`
  await t.rejects(
    within(
      'pool',
      pool({ source }, { workers: 3, env: { FAILS: 'yes' }, stdout: 'ignore', stderr: 'ignore' }),
    ),
    { code: 'ERR_IMPORT', message: /RuntimeError: no/ },
  )
  for (const pid of (await import('node:fs')).readdirSync(folder)) await gone(Number(pid))
})

t.test('wrong options are refused before anything is started', async t => {
  const cases: [object, RegExp][] = [
    [{ workers: 0 }, /option 'workers' of pool\(\) is a whole number from 1 to 4096, not 0/],
    [{ workers: 1.5 }, /workers/],
    [{ workers: 100_000 }, /workers/],
    [{ workers: '2' }, /workers/],
    [{ worker: 2 }, /no option 'worker'; did you mean 'workers'/],
    [{ concurrency: 0 }, /concurrency/],
    [{ restart: 'yes' }, /restart/],
    [{ restart: { limits: 3 } }, /no option 'limits'; did you mean 'limit'/],
    [{ restart: { limit: -1 } }, /limit/],
    [{ watch: 1 }, /watch/],
  ]
  for (const [options, message] of cases)
    await t.rejects(pool(script, options), { code: 'ERR_OPTION', message })
  await t.rejects(pool({ source: 'x = 1' }, { watch: true }), {
    code: 'ERR_OPTION',
    message: /watch/,
  })
  const py = await poolFor(t, { workers: 1 })
  t.throws(() => py.with({ affinty: 1 } as object), { message: /did you mean 'affinity'/ })
  t.throws(() => py.close({ graec: 1 } as object), { message: /did you mean 'grace'/ })
})

t.test(
  'threads of numeric libraries: the CPUs are shared out, unless the user has decided',
  async t => {
    const names = ['OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS']
    const py = await poolFor(
      t,
      { workers: 8, env: { MKL_NUM_THREADS: '5' } },
      {
        source:
          'import os\ndef variables(*names):\n    return {name: os.environ.get(name) for name in names}',
      },
    )
    t.same(await py.call('variables', ...names), {
      OMP_NUM_THREADS: process.env.OMP_NUM_THREADS ?? '1',
      OPENBLAS_NUM_THREADS: process.env.OPENBLAS_NUM_THREADS ?? '1',
      MKL_NUM_THREADS: '5',
    })
  },
)

t.test(
  'what waits begins when calls of an object, which nobody placed, give room back',
  async t => {
    const source = `
import time

class Slow:
    def run(self):
        time.sleep(0.1)

def count(n):
    yield from range(n)
`
    const py = await poolFor(t, { workers: 1, window: 2 }, { source })
    const object = await py.create('Slow')
    const calls = [object.call('run'), object.call('run')]
    const items: unknown[] = []
    const read = async () => {
      for await (const item of py.stream('count', 3)) items.push(item)
    }
    await within('the stream', read(), () => py.stats())
    t.strictSame(items, [0, 1, 2])
    await Promise.all(calls)
  },
)

t.test('callSync goes where the key or the object is', async t => {
  const py = await poolFor(t, { workers: 3 })
  for (const affinity of ['a', 'b', 'c', 'd', 'e']) {
    const caller = py.with({ affinity })
    t.equal(caller.callSync('pid'), await caller.call('pid'), affinity)
  }
  const objects = await Promise.all([1, 2, 3].map(start => py.create('Counter', start)))
  for (const object of objects) {
    const count = py.callSync('keep', object) as number
    t.equal(await py.call('keep', object), count + 1)
  }
})

t.test('a stream that was left has no timer any more', async t => {
  const timers = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
  const py = await poolFor(t)
  await py.call('pid')
  const before = timers()
  for await (const item of py.with({ timeout: 600_000 }).stream('numbers', 1000))
    if (item !== undefined) break
  t.equal(timers(), before)
})

// Cancellation in grades: the promise rejects at once, Python is told, then interrupted, and only if asked killed.
import type { AbortError, Bridge, TimeoutError, WorkerExitedError } from 'isthmus'
import t from 'tap'
import { gatesOf } from '../fixtures/gates.js'
import { until, within } from '../fixtures/watchdog.js'
import { exitOf, noted, rejection, released, spawned } from './spawned.js'

const gate = gatesOf(t)

interface Clock {
  call: string
  cancelled: boolean
  deadline: number | null
  remaining: number | null
  now: number
}

/** Calls, waits until it runs, and aborts it. */
async function aborted(py: Bridge, name: string, ...rest: unknown[]) {
  const started = gate()
  const controller = new AbortController()
  const call = rejection(py.with({ signal: controller.signal }).call(name, started.path, ...rest))
  await started.opened(() => py.stats())
  controller.abort()
  return within(`${name}() rejects`, call)
}

for (const threads of [1, 2]) {
  const where = threads === 1 ? 'on the main thread' : 'in a thread of the pool'

  t.test(`grade 1, ${where}: rejects at once, whatever Python does`, async t => {
    const py = await spawned(t, 'cancelling.py', { threads })
    const [started, end] = [gate(), gate()]
    const controller = new AbortController()
    const caller = py.with({ signal: controller.signal })
    const call = rejection<AbortError>(caller.call('stubborn', started.path, end.path))
    await started.opened()
    controller.abort('enough')
    t.match(await within('rejection', call), { code: 'ERR_ABORTED', cause: 'enough' })
    t.equal(py.stats().pending, 0)
    t.notOk(end.isOpen, 'while it still runs')
    end.open()
    t.equal(await py.call('echo', 1), 1)
  })

  t.test(`grade 2, ${where}: context().cancelled becomes true`, async t => {
    const py = await spawned(t, 'cancelling.py', { threads })
    t.equal((await aborted(py, 'polite')).code, 'ERR_ABORTED')
    t.strictSame(await noted(py, 1), ['looked'], 'and it was not interrupted')
  })

  t.test(`grade 3, ${where}: while True: pass is interrupted with isthmus.Cancelled`, async t => {
    const py = await spawned(t, 'cancelling.py', { threads })
    for (let time = 1; time <= 5; time++) {
      t.equal((await aborted(py, 'spin')).code, 'ERR_ABORTED')
      t.equal(await within('the next call', py.call('echo', time)), time)
      t.strictSame(await noted(py, time), Array(time).fill('Cancelled'))
    }
  })

  t.test(`grade 3, ${where}: by a timeout as well`, async t => {
    const py = await spawned(t, 'cancelling.py', { threads })
    for (let timeout = 30; ; timeout *= 4) {
      const started = gate()
      const call = py.with({ timeout }).call('spin', started.path)
      t.match(await rejection<TimeoutError>(call), { code: 'ERR_TIMEOUT', timeout })
      if (started.isOpen) break // else it was dropped before it began
    }
    t.strictSame(await noted(py, 1), ['Cancelled'])
  })

  t.test(`${where}: except Exception does not stop it, finally runs`, async t => {
    const py = await spawned(t, 'cancelling.py', { threads })
    await aborted(py, 'spin_unless_exception')
    t.strictSame(await noted(py, 1), ['finally'])
  })

  t.test(`${where}: what catches Cancelled and goes on harms nobody`, async t => {
    const py = await spawned(t, 'cancelling.py', { threads })
    const end = gate()
    t.equal((await aborted(py, 'stubborn', end.path)).code, 'ERR_ABORTED')
    const next = Promise.all([1, 2, 3].map(value => py.call('echo', value)))
    if (threads === 2) t.strictSame(await noted(py, 1), ['ignored'])
    end.open()
    t.strictSame(await within('the next calls', next), [1, 2, 3])
    t.ok(((await py.call('events')) as unknown[]).every(event => event === 'ignored'))
  })

  t.test(`${where}: a generator that does not yield any more is interrupted too`, async t => {
    const py = await spawned(t, 'cancelling.py', { threads })
    const started = gate()
    const controller = new AbortController()
    const caller = py.with({ signal: controller.signal })
    const stream = caller.stream('spin_in_generator', started.path)
    t.strictSame(await within('item', stream.next()), { done: false, value: 1 })
    await started.opened()
    const next = rejection(stream.next())
    controller.abort()
    t.equal((await within('next()', next)).code, 'ERR_ABORTED')
    t.strictSame(await noted(py, 1), ['Cancelled'])
  })

  t.test(
    `${where}: a call that waits for its turn in Python is dropped without running`,
    async t => {
      const py = await spawned(t, 'cancelling.py', { threads })
      const controller = new AbortController()
      const caller = py.with({ signal: controller.signal })
      const end = gate()
      const starts = Array.from({ length: threads }, gate)
      const running = starts.map((start, at) => py.call('wait_with', start.path, end.path, at))
      for (const start of starts) await start.opened()
      using tensor = py.tensor('float64', [20_000])
      const dropped = [1, 2, 3].map(value => rejection(caller.call('note', [value, tensor])))
      const stream = rejection(caller.stream('count_up').next())
      const kept = py.call('note', 'kept')
      controller.abort()
      for (const error of await Promise.all([...dropped, stream]))
        t.equal(error.code, 'ERR_ABORTED')
      end.open()
      t.strictSame(
        await Promise.all(running),
        starts.map((_, at) => at),
      )
      t.equal(await kept, 'kept')
      t.strictSame(await py.call('events'), ['kept'])
      // A thread may let go of what it has dropped after the next answer is on its way.
      await until('leases are back', async () => {
        await py.call('echo', 1)
        return py.stats().leases === 0
      })
    },
  )
}

t.test('time.sleep on the main thread is interrupted', async t => {
  const py = await spawned(t, 'cancelling.py')
  await aborted(py, 'sleep')
  t.equal(await within('the next call', py.call('echo', 1)), 1)
  t.strictSame(await noted(py, 1), ['Cancelled'])
})

t.test(
  'in one thread of a pool: the neighbour in the other one finishes, and is right',
  async t => {
    const py = await spawned(t, 'cancelling.py', { threads: 2 })
    const [started, neighbourStarted, end] = [gate(), gate(), gate()]
    const controller = new AbortController()
    const spinning = rejection(py.with({ signal: controller.signal }).call('spin', started.path))
    using array = py.tensor('float64', [20_000])
    array.data.fill(3)
    const neighbour = py.call('wait_with', neighbourStarted.path, end.path, array)
    await started.opened()
    await neighbourStarted.opened()
    controller.abort()
    t.equal((await spinning).code, 'ERR_ABORTED')
    t.strictSame(await noted(py, 1), ['Cancelled'])
    end.open()
    const result = (await within('the neighbour', neighbour)) as typeof array
    t.ok(result.data.length === 20_000 && result.data.every(value => value === 3))
    result.dispose()
  },
)

t.test('an asyncio task is cancelled; its neighbours go on', async t => {
  const py = await spawned(t, 'cancelling.py')
  const end = gate()
  const neighbour = py.call('beat', end.path)
  t.equal((await aborted(py, 'task')).code, 'ERR_ABORTED')
  t.strictSame(await noted(py, 2), ['task cancelled: True', 'finally'])
  end.open()
  t.ok(((await within('the neighbour', neighbour)) as number) > 0)
})

t.test('a task that catches CancelledError may go on; nobody hears of it', async t => {
  const py = await spawned(t, 'cancelling.py')
  t.equal((await aborted(py, 'stubborn_task')).code, 'ERR_ABORTED')
  t.equal(await py.call('echo', 1), 1)
})

t.test('a coroutine that blocks the loop is interrupted; its neighbours go on', async t => {
  const py = await spawned(t, 'cancelling.py')
  const end = gate()
  const neighbour = py.call('beat', end.path)
  t.equal((await aborted(py, 'spinning_task')).code, 'ERR_ABORTED')
  t.strictSame(await noted(py, 1), ['Cancelled'])
  end.open()
  t.ok(((await within('the neighbour', neighbour)) as number) > 0)
})

t.test('the deadline is readable, in functions, coroutines and generators', async t => {
  const py = await spawned(t, 'cancelling.py')
  const caller = py.with({ timeout: 60_000 })
  const read = async (from: typeof caller | Bridge) => {
    const clocks = [await from.call('clock'), await from.call('clock_later')]
    for await (const clock of from.stream('clocks')) clocks.push(clock)
    for await (const clock of from.stream('clocks_later')) clocks.push(clock)
    return clocks as Clock[]
  }
  const names = ['clock', 'clock_later', 'clocks', 'clocks', 'clocks_later', 'clocks_later']
  const limited = await read(caller)
  t.strictSame(
    limited.map(({ call }) => call),
    names,
  )
  for (const { cancelled, deadline, remaining, now, call } of limited) {
    t.equal(cancelled, false)
    t.ok(deadline! > now && deadline! <= now + 60, `${call}: ${deadline} is within a minute`)
    t.ok(remaining! > 0 && remaining! <= 60)
  }
  for (const { deadline, remaining } of await read(py))
    t.strictSame([deadline, remaining], [null, null])
})

t.test('a stream that is aborted: its next() rejects, and the generator is closed', async t => {
  const py = await spawned(t, 'cancelling.py')
  const controller = new AbortController()
  const stream = py.with({ signal: controller.signal }).stream('count_up')
  t.strictSame(await stream.next(), { done: false, value: 0 })
  controller.abort('left')
  const error = await rejection(
    (async () => {
      for await (const _ of stream);
    })(),
  )
  t.match(error, { code: 'ERR_ABORTED', cause: 'left' })
  t.strictSame(await stream.next(), { done: true, value: undefined })
  t.strictSame(await noted(py, 1), ['generator closed'])
})

t.test('a stream whose time is up', async t => {
  const py = await spawned(t, 'cancelling.py')
  const stream = py.with({ timeout: 50 }).stream('count_up')
  const error = await rejection(
    within(
      'the end',
      (async () => {
        for await (const _ of stream);
      })(),
    ),
  )
  t.match(error, { code: 'ERR_TIMEOUT', timeout: 50 })
  t.strictSame(await noted(py, 1), ['generator closed'])
})

t.test('an object that nobody waits for any more is dropped once it is made', async t => {
  const py = await spawned(t, 'cancelling.py')
  const [started, end] = [gate(), gate()]
  const controller = new AbortController()
  const caller = py.with({ signal: controller.signal })
  const object = rejection(caller.create('Heavy', started.path, end.path))
  await started.opened()
  controller.abort()
  end.open()
  t.equal((await object).code, 'ERR_ABORTED')
  await until('it is gone', async () => {
    const [made, gone] = (await py.call('heavies')) as [number, number]
    return made === gone
  })
})

t.test('an interruption never lands in the next call', async t => {
  for (const threads of [1, 2]) {
    const py = await spawned(t, 'cancelling.py', { threads })
    for (let time = 0; time < 60; time++) {
      // It ends by itself about when Node loses patience.
      const controller = new AbortController()
      const caller = py.with({ signal: controller.signal })
      const call = rejection(caller.call('busy_for', 0.015 + (time % 10) / 1000))
      const next = Array.from({ length: 3 }, () => py.call('busy_for', 0.004))
      controller.abort()
      t.equal((await call).code, 'ERR_ABORTED')
      t.strictSame(await within('the next calls', Promise.all(next)), [0.004, 0.004, 0.004])
    }
    await py.close()
  }
})

for (const threads of [1, 2])
  t.test(
    `400 aborts at random moments, threads: ${threads}: all settled, nothing left`,
    async t => {
      const py = await spawned(t, 'cancelling.py', { threads, window: 16 })
      const outcomes = { fulfilled: 0, rejected: 0 }
      const one = async (at: number) => {
        const input = py.tensor('float64', [9000]).data
        input.fill(at)
        const controller = new AbortController()
        const caller = py.with({ signal: controller.signal })
        const work = [
          () => caller.call('busy_with', input, Math.random() / 100),
          () => caller.call('later', input),
          () => caller.call('spin'),
          async () => {
            let last: unknown
            for await (const frame of caller.stream('frames', 20)) last = frame
            return last
          },
          () => caller.call('echo', { deep: [input] }),
        ][at % 5]!
        const outcome = work()
        if (Math.random() < 0.2) controller.abort()
        else setTimeout(() => controller.abort(), Math.random() * 40)
        try {
          await outcome
          outcomes.fulfilled++
        } catch (error) {
          if ((error as AbortError).code !== 'ERR_ABORTED') throw error
          outcomes.rejected++
        }
      }
      for (let round = 0; round < 20; round++) {
        const calls = Array.from({ length: 20 }, (_, at) => one(round * 20 + at))
        await within(`round ${round}`, Promise.all(calls), () => ({ ...outcomes, ...py.stats() }))
      }
      t.equal(outcomes.fulfilled + outcomes.rejected, 400)
      t.ok(outcomes.rejected >= 80, `${outcomes.rejected} were aborted`)
      using array = py.tensor('float64', [9000])
      array.data.fill(21)
      await (async () => {
        const result = (await within(
          'the next call',
          py.call('busy_with', array, 0),
        )) as typeof array
        t.ok(result.data.every(value => value === 42))
        result.dispose()
      })()
      array.dispose()
      await released(py)
    },
  )

t.test('kill: a worker that does not stop is killed after the grace, only then', async t => {
  const py = await spawned(t, 'cancelling.py')
  const exit = exitOf(py)
  const started = gate()
  const controller = new AbortController()
  const caller = py.with({ signal: controller.signal, kill: 200 })
  const call = rejection(caller.call('one_long_c_call', started.path))
  const neighbour = rejection<WorkerExitedError>(py.call('echo', 'neighbour'))
  await started.opened()
  const before = performance.now()
  controller.abort()
  t.equal((await call).code, 'ERR_ABORTED', 'at once')
  t.match(await within('exit', exit), { code: null, signal: 'SIGKILL' })
  t.ok(performance.now() - before >= 190, 'after its grace')
  t.match(await neighbour, { code: 'ERR_WORKER_EXITED', signal: 'SIGKILL' })
})

t.test('kill: a call that stops in time does not end the worker', async t => {
  const py = await spawned(t, 'cancelling.py')
  const { pid } = py
  const started = gate()
  const controller = new AbortController()
  const caller = py.with({ signal: controller.signal, kill: true })
  const call = rejection(caller.call('spin', started.path))
  await started.opened()
  controller.abort()
  t.equal((await call).code, 'ERR_ABORTED')
  t.strictSame(await noted(py, 1), ['Cancelled'])
  t.equal(await py.with({ kill: 0, timeout: 60_000 }).call('echo', 1), 1)
  t.equal(py.pid, pid)
  await released(py)
})

t.test('kill without an abort does nothing', async t => {
  const py = await spawned(t, 'cancelling.py')
  t.equal(await py.with({ kill: 1 }).call('busy_for', 0.05), 0.05)
})

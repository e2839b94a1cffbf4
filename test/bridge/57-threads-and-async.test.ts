// Where calls run: one after another on the main thread, on n threads, or as tasks of one event loop.
import { existsSync } from 'node:fs'
import type { Bridge, Tensor } from 'isthmus'
import t from 'tap'
import { gone } from '../fixtures/processes.js'
import { within } from '../fixtures/watchdog.js'
import { rejection, released, spawned } from './spawned.js'

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at)
const all = <T>(what: string, calls: Promise<T>[], py: Bridge) =>
  within(what, Promise.all(calls), () => py.stats())

t.test('by default, plain functions run one at a time, in order, on the main thread', async t => {
  const py = await spawned(t, 'side_by_side.py')
  t.equal(await py.call('where'), true)
  t.strictSame(
    await all(
      'calls',
      upTo(20).map(() => py.call('count_running', 0.001)),
      py,
    ),
    upTo(20).map(() => 1),
  )
  const numbers = upTo(500)
  await all(
    'calls',
    numbers.map(number => py.call('in_order', number)),
    py,
  )
  t.strictSame(await py.call('order'), numbers)
})

t.test('threads: n plain functions run at the same time, and no more', async t => {
  for (const threads of [2, 4]) {
    const py = await spawned(t, 'side_by_side.py', { threads })
    const together = upTo(threads).map(() => py.call('meet', 'all', threads))
    t.strictSame(await all('the meeting', together, py), Array(threads).fill(true))
    const most = await all(
      'calls',
      upTo(30).map(() => py.call('count_running', 0.002)),
      py,
    )
    t.ok(
      most.every(count => (count as number) <= threads),
      `${Math.max(...(most as number[]))}`,
    )
    const idents = await all(
      'calls',
      upTo(60).map(at => py.call('thread_of', at)),
      py,
    )
    t.equal(new Set(idents).size <= threads, true)
    t.equal(await py.call('where'), false, 'the main thread stays free')
    await py.close()
  }
})

t.test('the mode is to be seen in stats()', async t => {
  t.equal((await spawned(t, 'side_by_side.py')).stats().threads, 1)
  t.equal((await spawned(t, 'side_by_side.py', { threads: 3 })).stats().threads, 3)
})

t.test('async functions run at the same time, on the main thread', async t => {
  for (const threads of [1, 2]) {
    const py = await spawned(t, 'side_by_side.py', { threads })
    const together = upTo(200).map(() => py.call('meet_later', 'all', 200))
    t.ok((await all('the meeting', together, py)).every(met => met === true))
    t.equal(await py.call('where_later'), true)
    await py.close()
  }
})

t.test('with threads, a plain function does not hold up the coroutines', async t => {
  const py = await spawned(t, 'side_by_side.py', { threads: 2 })
  const blocking = py.call('meet', 'plain', 2)
  t.strictSame(
    await all(
      'coroutines',
      upTo(50).map(at => py.call('echo_later', at)),
      py,
    ),
    upTo(50),
  )
  t.strictSame(await all('both', [blocking, py.call('meet', 'plain', 2)], py), [true, true])
})

t.test('a thread runs a stream as well', async t => {
  const py = await spawned(t, 'side_by_side.py', { threads: 2 })
  const where = async () => {
    for await (const main of py.stream('where_stream')) return main
    return undefined
  }
  t.equal(await where(), false)
})

t.test('arrays are born in shared memory in every thread, task and generator', async t => {
  for (const threads of [1, 3]) {
    const py = await spawned(t, 'side_by_side.py', { threads })
    const array = py.tensor('float64', [50_000])
    array.data.fill(2)
    const results: Tensor[] = []
    const take = (value: unknown, factor: number) => {
      const result = value as Tensor<'float64'>
      if (!result.data.every(value => value === 2 * factor)) t.fail(`${result.at(0)}`)
      results.push(result)
    }
    const rounds = upTo(10).map(async () => {
      take(await py.call('double', array), 2)
      take(await py.call('double_later', array), 2)
      for (const [at, result] of ((await py.call('double_in_tasks', array)) as Tensor[]).entries())
        take(result, at + 1)
      for (const name of ['doubles', 'doubles_later']) {
        let at = 0
        for await (const result of py.stream(name, array, 5)) take(result, at++)
      }
    })
    await all('the rounds', rounds, py)
    t.equal(results.length, 10 * 14)
    t.equal(py.stats().copiedBytes, 0, `threads: ${threads}`)
    for (const result of results.splice(0)) result.dispose()
    array.dispose()
    await released(py)
    await py.close()
  }
})

t.test('calls that compute at the same time do not get one another’s memory', async t => {
  const py = await spawned(t, 'side_by_side.py', { threads: 4 })
  const n = 200
  const calls = upTo(60).map(async at => {
    const a = py.tensor('float64', [n, n])
    const b = py.tensor('float64', [n, n])
    a.data.fill(at)
    b.data.fill(1)
    const product = (await py.call('matmul', a, b)) as Tensor<'float64'>
    const right = product.data.every(value => value === at * n)
    for (const tensor of [a, b, product]) tensor.dispose()
    return right
  })
  t.ok((await all('products', calls, py)).every(right => right))
  t.equal(py.stats().copiedBytes, 0)
  await released(py)
})

t.test('context variables belong to one call', async t => {
  for (const threads of [1, 2]) {
    const py = await spawned(t, 'side_by_side.py', { threads })
    const later = upTo(50).map(at => py.call('set_variable_later', at))
    t.strictSame(
      await all('tasks', later, py),
      upTo(50).map(at => ['unset', at]),
    )
    await py.close()
  }
})

t.test('context() knows its call, in threads and tasks', async t => {
  const py = await spawned(t, 'side_by_side.py', { threads: 3 })
  const names = upTo(30).map(at =>
    at % 2 ? py.call('name_of_call', 0.001) : py.call('name_of_call_later'),
  )
  t.strictSame(
    await all('names', names, py),
    upTo(30).map(at => (at % 2 ? 'name_of_call' : 'name_of_call_later')),
  )
})

t.test('errors of coroutines and threads are those of plain functions', async t => {
  for (const threads of [1, 2]) {
    const py = await spawned(t, 'side_by_side.py', { threads })
    for (const name of ['fail', 'fail_later']) {
      const error = await rejection(py.call(name, 'no'))
      t.match(error, { code: 'ERR_PYTHON', type: 'ValueError', pythonMessage: 'no' })
      const { traceback } = error as unknown as { traceback: string }
      t.match(traceback, `in ${name}`)
      t.notMatch(traceback, /isthmus\/\w+\.py/, 'it shows the code of the user, and no other')
    }
    t.match(await rejection(py.call('sleep_later')), { code: 'ERR_ARGUMENTS' })
    await py.close()
  }
})

t.test('the loop goes on between calls: timers, tasks in the background, locks', async t => {
  const py = await spawned(t, 'side_by_side.py')
  t.equal(await within('a timer', py.call('sleep_later', 0.05, 'slept')), 'slept')
  await py.call('start_background', 'first')
  t.equal(await within('a timer', py.call('sleep_later', 0.05, 'slept')), 'slept')
  t.strictSame(await py.call('background'), ['first'])
  t.strictSame(
    await all(
      'locked',
      upTo(20).map(() => py.call('with_lock')),
      py,
    ),
    upTo(20).map(() => 1),
  )
})

t.test('a call that comes while the loop sleeps is not late', async t => {
  const py = await spawned(t, 'side_by_side.py', { spin: 0 })
  const long = py.call('sleep_later', 1, 'long')
  for (let at = 0; at < 100; at++) t.equal(await within('a call', py.call('echo', at)), at)
  t.equal(await long, 'long')
})

t.test('a plain function that returns a coroutine: it is awaited, or refused by name', async t => {
  const py = await spawned(t, 'side_by_side.py')
  const outcome = await within(
    'the call',
    py.call('returns_coroutine', 5).then(
      value => value,
      (error: Error & { code: string }) => error.code,
    ),
  )
  t.ok(outcome === 5 || outcome === 'ERR_VALUE', String(outcome))
  t.equal(await py.call('echo', 1), 1)
})

t.test('3,000 calls of every kind at once, each answered with its own result', async t => {
  for (const threads of [1, 3]) {
    const py = await spawned(t, 'side_by_side.py', { threads, window: 100 })
    const calls = upTo(3000).map(at => py.call(at % 2 ? 'echo' : 'echo_later', at))
    t.strictSame(await all('the calls', calls, py), upTo(3000))
    await py.close()
  }
})

t.test('close() while threads and tasks are busy: all reject, and the process is gone', async t => {
  const py = await spawned(t, 'side_by_side.py', { threads: 2 })
  const pending = [
    py.call('meet', 'never', 2),
    py.call('sleep_later', 3600, 0),
    py.call('count_running', 3600),
  ].map(call => rejection(call))
  await py.call('echo_later', 1)
  await within('close', py.close())
  for (const error of await Promise.all(pending)) t.equal(error.code, 'ERR_CLOSED')
  await gone(py.pid)
  t.notOk(existsSync(`/proc/${py.pid}/exe`))
})

t.test('SystemExit in a thread ends the worker like one in the main thread', async t => {
  for (const threads of [1, 2]) {
    const py = await spawned(t, 'side_by_side.py', { threads, stderr: 'events' })
    t.match(await within('rejection', rejection(py.call('exits'))), {
      code: 'ERR_WORKER_EXITED',
      exitCode: 3,
    })
  }
})

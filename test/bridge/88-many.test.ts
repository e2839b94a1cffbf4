// Many bridges and pools, in several threads, closed in any order.
import { Worker } from 'node:worker_threads'
import { type Bridge, type Pool, pool, spawn } from 'isthmus'
import t from 'tap'
import { pidsOf, script } from '../fixtures/pools.js'
import { gone, runProgram } from '../fixtures/processes.js'
import { within } from '../fixtures/watchdog.js'

const quiet = { stdout: 'events', stderr: 'events' } as const
const orders: (<T>(list: T[]) => T[])[] = [
  list => list,
  list => list.toReversed(),
  list => list.toSorted(() => 1),
]

for (const [at, order] of orders.entries())
  t.test(`two bridges and two pools, closed one after the other, order ${at}`, async t => {
    const made: (Bridge | Pool)[] = await within(
      'all start',
      Promise.all([
        spawn(script, quiet),
        pool(script, { ...quiet, workers: 2 }),
        spawn(script, { ...quiet, restart: true }),
        pool(script, { ...quiet, workers: 1 }),
      ]),
    )
    const pids = made.flatMap(py => ('pid' in py ? [py.pid] : pidsOf(py)))
    t.equal(new Set(pids).size, 5)
    const kept = await Promise.all(made.map(py => py.call('ramp', 1, 50_000)))
    let left = [...made]
    for (const py of order(made)) {
      await within('close', py.close())
      left = left.filter(other => other !== py)
      t.same(
        await within('the others go on', Promise.all(left.map(py => py.call('double', 2)))),
        left.map(() => 4),
      )
    }
    t.equal(kept.length, 4)
    for (const pid of pids) await gone(pid)
  })

t.test('all at once, with calls under way', async t => {
  const made = await within(
    'all start',
    Promise.all([
      spawn(script, quiet),
      pool(script, { ...quiet, workers: 2 }),
      spawn(script, quiet),
    ]),
  )
  const pids = made.flatMap(py => ('pid' in py ? [py.pid] : pidsOf(py)))
  const calls = made.flatMap(py => Array.from({ length: 20 }, () => py.call('ramp', 0, 50_000)))
  const outcomes = Promise.allSettled(calls)
  await within('close', Promise.all(made.map(py => py.close())))
  for (const outcome of await outcomes)
    if (outcome.status === 'rejected' && outcome.reason.code !== 'ERR_CLOSED')
      t.fail(String(outcome.reason))
  for (const pid of pids) await gone(pid)
  t.pass()
})

const ends = ['close', 'leave', 'exit', 'terminate', 'busy'] as const

for (const todo of ends)
  t.test(`a pool in each of two worker threads, and one here: ${todo}`, async t => {
    const here = await within('pool', pool(script, { ...quiet, workers: 1 }))
    t.teardown(() => here.close())
    const threads = await Promise.all(
      [1, 2].map(async () => {
        const thread = new Worker(new URL('../fixtures/thread-pool.js', import.meta.url), {
          workerData: { todo },
        })
        const ended = new Promise<number>(resolve => thread.once('exit', resolve))
        const pids = await within(
          'the thread has a pool',
          new Promise<number[]>((resolve, reject) => {
            thread.once('message', resolve)
            thread.once('error', reject)
          }),
        )
        return { thread, ended, pids }
      }),
    )
    if (todo === 'terminate' || todo === 'busy')
      await within('terminate', Promise.all(threads.map(({ thread }) => thread.terminate())))
    await within('the threads end', Promise.all(threads.map(({ ended }) => ended)))
    for (const { pids } of threads) for (const pid of pids) await gone(pid)
    t.equal(await within('the pool here goes on', here.call('double', 3)), 6)
  })

t.test(
  'an idle pool does not keep Node alive, not even while a worker is to be restarted',
  async t => {
    const program = runProgram('idle-pool')
    t.same(await program.ended, { code: 0, signal: null }, program.errors())
    const pids = program.lines
      .filter(line => line.startsWith('pid '))
      .map(line => Number(line.slice(4)))
    t.equal(pids.length, 2)
    for (const pid of pids) await gone(pid)
  },
)

t.test('a call that waits for a restart keeps Node alive', async t => {
  const program = runProgram('idle-pool', ['call'])
  t.same(await program.ended, { code: 0, signal: null }, program.errors())
  t.equal(program.lines.at(-1), 'answer 6')
})

t.test('listeners that throw: the process hears of it, and the pool goes on', async t => {
  const program = runProgram('idle-pool', ['throw'])
  t.same(await program.ended, { code: 0, signal: null }, program.errors())
  t.equal(program.lines.filter(line => line === 'uncaught from a listener').length >= 3, true)
  t.ok(program.lines.includes('answer 6'))
})

t.test('more workers than there are descriptors: a typed error, and nothing is left', async t => {
  const shell = ['sh', '-c', 'ulimit -n 150; exec "$0" "$@"', process.execPath]
  const program = runProgram('too-many-workers', ['200'], { node: shell })
  t.same(await program.ended, { code: 0, signal: null }, program.errors())
  t.match(await program.line('error'), /^ERR_SYSTEM /)
  t.equal(await program.line('segments'), '0')
  t.ok(Number(await program.line('descriptors')) < 40)
})

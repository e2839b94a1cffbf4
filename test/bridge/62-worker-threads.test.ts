// Bridges in worker threads, and several of them. (DESIGN 3.5: the addon is linked -z nodelete)
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { basics, bridgeFor, call, type Doubles } from '../fixtures/bridges.js'
import { gone, runProgram } from '../fixtures/processes.js'
import { within } from '../fixtures/watchdog.js'

const ends = {
  leave: 'has nothing left to do, its bridge open',
  exit: 'calls process.exit(), its bridge open',
  close: 'closes its bridge first',
}

for (const [todo, how] of Object.entries(ends))
  t.test(
    `the addon was loaded only in a thread, which ${how}: what it transferred stays readable`,
    async t => {
      const program = runProgram('addon-in-thread-only', [todo])
      t.same(await program.ended, { code: 0, signal: null }, program.errors())
      t.equal(program.lines.at(-1), 'intact')
      const pids = program.lines
        .filter(line => line.startsWith('pid '))
        .map(line => Number(line.slice(4)))
      t.equal(pids.length, 3)
      for (const pid of pids) await gone(pid)
    },
  )

t.test(
  'several bridges in one process: each has its own module, its own memory and its own life',
  async t => {
    const bridges = await Promise.all(
      [1, 2, 3].map(number =>
        bridgeFor(t, { source: `${basics}\ndef number():\n    return ${number}\n` }),
      ),
    )
    t.same(await Promise.all(bridges.map(py => call(py, 'number'))), [1, 2, 3])
    t.equal(new Set(bridges.map(py => py.pid)).size, 3)
    const [one, two, three] = bridges as [
      (typeof bridges)[0],
      (typeof bridges)[0],
      (typeof bridges)[0],
    ]
    const result = await call<Doubles>(one, 'ramp', 5, 100_000)
    await t.rejects(two.call('total', result), { code: 'ERR_FOREIGN_TENSOR', path: 'args[0]' })
    const exited = new Promise(resolve => two.once('exit', resolve))
    process.kill(two.pid, 'SIGKILL')
    await within('exit', exited)
    await t.rejects(two.call('number'), { code: 'ERR_WORKER_EXITED' })
    t.equal(await call(one, 'total', result), 5 * 100_000 + (100_000 * 99_999) / 2)
    t.equal(await call(three, 'number'), 3)
  },
)

/** A thread with a bridge of its own. */
async function threadWith(todo: string) {
  const thread = new Worker(new URL('../fixtures/thread-bridge.js', import.meta.url), {
    workerData: { todo },
  })
  const next = <T>() =>
    within('the thread answers', new Promise<T>(resolve => thread.once('message', resolve)))
  const { pid } = await next<{ pid: number }>()
  return { thread, next, pid }
}

t.test('a bridge in each of several worker threads, and one in the main thread', async t => {
  const here = await bridgeFor(t, { source: basics })
  const threads = await Promise.all([1, 2, 3].map(() => threadWith('compute')))
  for (let round = 0; round < 20; round++) {
    const answers = await Promise.all(
      threads.map(({ thread, next }, at) => {
        const answer = next<{ first: number; last: number }>()
        thread.postMessage(1000 * at + round)
        return answer
      }),
    )
    answers.forEach(({ first, last }, at) => {
      if (first !== 1000 * at + round || last !== first + 131_071)
        t.fail(`thread ${at} got ${first} to ${last}`)
    })
  }
  const ended = threads.map(
    ({ thread }) => new Promise<number>(resolve => thread.once('exit', resolve)),
  )
  for (const { thread } of threads) thread.postMessage(-1)
  t.same(await within('the threads end', Promise.all(ended)), [0, 0, 0])
  for (const { pid } of threads) await gone(pid)
  t.equal(await call(here, 'total', here.tensor('float64', [10])), 0)
})

for (const [todo, what] of [
  ['busy', 'while Python computes'],
  ['flood', 'while messages go to and fro'],
  ['churn', 'while JavaScript calls the addon'],
] as const)
  t.test(`worker.terminate() ${what}: the Python process goes away`, async t => {
    for (let time = 0; time < 5; time++) {
      const { thread, pid } = await threadWith(todo)
      if (time > 0) await new Promise(resolve => setTimeout(resolve, 7 * time)) // at various moments
      await within('terminate', thread.terminate())
      await gone(pid)
    }
    t.pass('five of five are gone')
  })

// A full ring whose reader is stopped, or dies while the other side waits for room. (DESIGN 3.2, 4)
import { readFileSync } from 'node:fs'
import t from 'tap'
import { bridgeFor, call } from '../fixtures/bridges.js'
import { startProgram } from '../fixtures/faults.js'
import { gone } from '../fixtures/processes.js'
import { until, within } from '../fixtures/watchdog.js'

const script = new URL('../fixtures/misbehaving.py', import.meta.url)
const smallest = { ringBytes: 4096, window: 1000 }
const filler = 'f'.repeat(900)

const status = (pid: number) => readFileSync(`/proc/${pid}/status`, 'utf8')
/** CPU time that a process has used. */
const ticks = (pid: number) =>
  readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ').slice(11, 13).join()

const settled = (what: string, calls: Promise<unknown>[]) => within(what, Promise.allSettled(calls))

t.test(
  'the reader is stopped: the ring fills, nothing is lost, and all is answered once it goes on',
  async t => {
    const py = await bridgeFor(t, script, smallest)
    process.kill(py.pid, 'SIGSTOP')
    const calls = Array.from({ length: 200 }, (_, at) => py.call('echo', [at, filler]))
    await new Promise(resolve => setImmediate(resolve))
    t.ok(py.stats().node.messages < 10, 'the others wait')
    process.kill(py.pid, 'SIGCONT')
    const answers = (await within('the answers', Promise.all(calls))) as [number, string][]
    t.ok(answers.every(([number, text], at) => number === at && text === filler))
  },
)

for (const how of ['is stopped and killed', 'exits'] as const)
  t.test(
    `the reader ${how} while Node waits for room: every call rejects, nothing is held`,
    async t => {
      const py = await bridgeFor(t, script, smallest)
      const own = py.tensor('float64', [1000])
      const first = how === 'exits' ? [py.call('end_now', 3)] : []
      if (how !== 'exits') process.kill(py.pid, 'SIGSTOP')
      const calls = [
        ...first,
        ...Array.from({ length: 200 }, (_, at) => py.call('echo', [at, filler, own])),
      ]
      const stream = py.stream('numbers', 5).next()
      if (how !== 'exits') process.kill(py.pid, 'SIGKILL')
      for (const outcome of await settled('every call ends', [...calls, stream]))
        t.match(outcome, { status: 'rejected', reason: { code: 'ERR_WORKER_EXITED' } })
      t.equal(py.stats().leases, 0)
      own.dispose()
      t.equal(py.stats().ownBlocks, 0)
      await gone(py.pid)
    },
  )

t.test('callSync waits for room in the ring of a worker that is killed: it throws', async t => {
  const program = startProgram(t, 'node-faults', ['sync-full'])
  t.same(await program.ended, { code: 0, signal: null }, program.errors())
  t.equal(await program.line('threw'), 'ERR_WORKER_EXITED SIGKILL')
})

t.test('Node is killed while Python waits for room: the worker ends', async t => {
  const program = startProgram(t, 'node-faults', ['stopped-reader'])
  const pid = Number(await program.line('pid'))
  await program.line('flooded')
  program.child.kill('SIGKILL')
  t.same(await program.ended, { code: null, signal: 'SIGKILL' })
  await gone(pid)
})

t.test(
  'Node is stopped while the worker floods it: memory is bounded, and nothing is lost after',
  async t => {
    const program = startProgram(t, 'node-faults', ['flooded'])
    const pid = Number(await program.line('pid'))
    await program.line('reading')
    const rss = () => Number(/VmRSS:\s+(\d+)/.exec(status(pid))![1]) * 1024
    program.child.kill('SIGSTOP')
    // It produces until it has to wait, and then makes no progress any more.
    let last = ''
    await until('the worker waits', async () => {
      const before = last
      await new Promise(resolve => setTimeout(resolve, 100))
      last = ticks(pid)
      return last === before
    })
    t.ok(rss() < 300 * 2 ** 20, `${rss()} bytes in the worker, shared ones included`)
    program.child.kill('SIGCONT')
    t.same(await program.ended, { code: 0, signal: null }, program.errors())
    t.equal(await program.line('items'), '200000')
    await gone(pid)
  },
)

t.test('a neighbour is not kept waiting by a full ring', async t => {
  const [py, neighbour] = [await bridgeFor(t, script, smallest), await bridgeFor(t, script)]
  process.kill(py.pid, 'SIGSTOP')
  const calls = Array.from({ length: 200 }, (_, at) => py.call('echo', [at, filler]))
  const outcomes = settled('every call ends', calls)
  for (let at = 0; at < 100; at++) t.equal(await call(neighbour, 'echo', at), at)
  process.kill(py.pid, 'SIGKILL')
  for (const outcome of await outcomes) t.equal(outcome.status, 'rejected')
})

// Node and its worker are stopped and continued (SIGSTOP, SIGCONT) at any moment: they are only slow. A worker that stays
// stopped cannot answer an interrupt; killing ends it.
// ISTHMUS_STOPS_MS: how long each of the random ones goes on; ISTHMUS_SEED: which moments.
import type { WorkerExitedError } from 'isthmus'
import t from 'tap'
import { gone, runProgram } from '../fixtures/processes.js'
import { oneOf, seeded, seedOfTest } from '../fixtures/random.js'
import { within } from '../fixtures/watchdog.js'
import { exitOf, rejection, spawned } from './spawned.js'

t.setTimeout(280_000)

const time = Number(process.env.ISTHMUS_STOPS_MS ?? 1500)
const seed = seedOfTest()
const random = seeded(seed)
const moment = (most: number) => new Promise(resolve => setTimeout(resolve, random() * most))

const target = {
  name: 'stopped',
  source: `
import time

def echo(x): return x

def forever():
    while True: pass
`,
}

for (const threads of ['1', '3'])
  for (const which of ['the worker', 'Node', 'both'])
    t.test(`${which} is stopped again and again, threads: ${threads} (seed ${seed})`, async t => {
      const program = runProgram('stopped', [String(time), threads])
      const worker = Number(await program.line('pid'))
      const victims = { 'the worker': [worker], Node: [program.child.pid!], both: [] as number[] }
      victims.both = [...victims['the worker'], ...victims.Node]
      const among = victims[which as keyof typeof victims]
      let over = false
      const ended = program.ended.finally(() => {
        over = true
      })
      let stops = 0
      while (!over) {
        const victim = oneOf(random, among)
        try {
          process.kill(victim, 'SIGSTOP')
          stops++
          await moment(random() < 0.1 ? 200 : 20)
          process.kill(victim, 'SIGCONT')
        } catch {
          break // it has ended
        }
        await moment(20)
      }
      t.strictSame(await ended, { code: 0, signal: null }, program.errors())
      t.strictSame(
        program.lines.filter(line => line.startsWith('wrong')),
        [],
      )
      const rounds = Number(await program.line('rounds'))
      t.ok(rounds > 0 && stops > 0, `${rounds} rounds, ${stops} stops`)
      await gone(worker)
    })

t.test(
  'timeouts pass while the worker is stopped; when it goes on, so does the bridge',
  async t => {
    const py = await spawned(t, target)
    process.kill(py.pid, 'SIGSTOP')
    const limited = py.with({ timeout: 50 })
    t.match(await within('timeout', rejection(limited.call('echo', 1))), { code: 'ERR_TIMEOUT' })
    t.throws(() => limited.callSync('echo', 2), { code: 'ERR_TIMEOUT' })
    const patient = py.call('echo', 3)
    process.kill(py.pid, 'SIGCONT')
    t.equal(await within('the call that was not given up', patient), 3)
    t.equal(py.callSync('echo', 4), 4)
  },
)

t.test('an interrupt reaches a worker that was stopped in the call, once it goes on', async t => {
  const py = await spawned(t, target)
  const running = rejection(py.with({ timeout: 200 }).call('forever'))
  await new Promise(resolve => setTimeout(resolve, 50))
  process.kill(py.pid, 'SIGSTOP')
  t.match(await within('timeout', running), { code: 'ERR_TIMEOUT' })
  const behind = py.call('echo', 5)
  await new Promise(resolve => setTimeout(resolve, 150)) // a few signals are sent to it meanwhile
  process.kill(py.pid, 'SIGCONT')
  t.equal(await within('the call behind it', behind), 5)
})

t.test('kill ends a worker that is stopped', async t => {
  const py = await spawned(t, target)
  t.equal(await py.call('echo', 1), 1)
  process.kill(py.pid, 'SIGSTOP')
  const running = rejection(py.with({ timeout: 50, kill: 50 }).call('forever'))
  const other = rejection<WorkerExitedError>(py.call('echo', 2))
  const exit = exitOf(py)
  t.match(await within('timeout', running), { code: 'ERR_TIMEOUT' })
  t.match(await within('the other call', other), { code: 'ERR_WORKER_EXITED', signal: 'SIGKILL' })
  t.match(await within('exit', exit), { signal: 'SIGKILL' })
})

t.test('close() ends a worker that is stopped, with calls pending or without', async t => {
  for (const pending of [true, false]) {
    const py = await spawned(t, target)
    process.kill(py.pid, 'SIGSTOP')
    const call = pending ? rejection(py.call('echo', 1)) : undefined
    await within('close', py.close())
    if (call !== undefined) t.match(await call, { code: 'ERR_CLOSED' })
    await gone(py.pid)
  }
})

t.test('a worker that is stopped when Node is killed ends when it goes on', async () => {
  const program = runProgram('stopped', ['60000'])
  const worker = Number(await program.line('pid'))
  await moment(50)
  process.kill(worker, 'SIGSTOP')
  program.child.kill('SIGKILL')
  await program.ended
  process.kill(worker, 'SIGCONT')
  await gone(worker)
})

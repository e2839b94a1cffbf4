// kill -9 of either side at random moments in the middle of calls, again and again: nothing is left. (DESIGN 4)
// ISTHMUS_KILLS: how many; ISTHMUS_SEED: which moments.
import { type Bridge, spawn } from 'isthmus'
import t from 'tap'
import { basics, type Doubles } from '../fixtures/bridges.js'
import {
  descriptorsOf,
  gone,
  isAlive,
  mappingsOf,
  runProgram,
  segmentsOf,
  shmemBytes,
} from '../fixtures/processes.js'
import { until, within } from '../fixtures/watchdog.js'

const kills = Number(process.env.ISTHMUS_KILLS ?? 100)
const seed = Number(process.env.ISTHMUS_SEED ?? Date.now() % 1_000_000)
/** Other programs have shared memory too. What one of these bridges leaves would be 10 MiB and more each time. */
const tolerance = 64 * 2 ** 20

let state = seed
/** From 0 to 1, the same for the same seed. */
function random(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return state / 2 ** 32
}
const moment = (most: number) =>
  new Promise(resolve => setTimeout(resolve, Math.floor(random() * most)))

const figures = () => ({
  seed,
  descriptors: [...descriptorsOf('self').values()].sort(),
  segments: segmentsOf('self').length,
  mapped: mappingsOf('self').filter(line => line.includes('memfd:isthmus')).length,
  shmem: shmemBytes(),
})

/** Calls without end, both ways with tensors; gives how many were answered once the worker has died. */
async function flood(py: Bridge): Promise<{ answered: number; codes: Set<string> }> {
  let answered = 0
  const codes = new Set<string>()
  for (let dead = false; !dead; ) {
    const settled = await within(
      'every call settles',
      (async () => {
        const own = py.tensor('float64', [100_000])
        own.data.fill(1)
        const calls = Array.from({ length: 10 }, (_, at) =>
          at % 2 === 0 ? py.call('same', own) : py.call('ramp', at, 100_000),
        )
        const outcomes = await Promise.allSettled(calls)
        own.dispose()
        return outcomes
      })().catch(error => [{ status: 'rejected', reason: error } as PromiseRejectedResult]),
      () => py.stats(),
    )
    for (const outcome of settled) {
      if (outcome.status === 'fulfilled') {
        const tensor = outcome.value as Doubles
        if (tensor.at(-1) === undefined) throw new Error('an empty result')
        tensor.dispose()
        answered++
      } else {
        codes.add(outcome.reason.code)
        dead = true
      }
    }
  }
  return { answered, codes }
}

async function killWorker(): Promise<void> {
  const py = await within('spawn', spawn({ source: basics }, { memory: '128MiB' }))
  const flooding = flood(py)
  await moment(40)
  process.kill(py.pid, 'SIGKILL')
  const { codes } = await flooding
  codes.delete('ERR_WORKER_EXITED')
  codes.delete('ERR_CLOSED')
  if (codes.size > 0) throw new Error(`calls ended with ${[...codes]}`)
  await within('close', py.close())
  await gone(py.pid)
}

async function killNode(): Promise<number> {
  const program = runProgram('node-exits', ['flood'])
  const pid = Number(await program.line('pid'))
  await program.line('ready')
  await moment(40)
  program.child.kill('SIGKILL')
  await program.ended
  await gone(pid)
  return pid
}

t.test(
  `kill -9 ${kills} times (seed ${seed}): no process, no memory, no descriptor, no call is left`,
  {
    timeout: 280_000,
  },
  async t => {
    await killWorker()
    await killNode()
    globalThis.gc!()
    const before = figures()
    const pids: number[] = []
    for (let kill = 0; kill < kills; kill++) {
      if (random() < 0.5) await killWorker()
      else pids.push(await killNode())
    }
    await until(
      'nothing is left',
      () => {
        globalThis.gc!()
        const now = figures()
        return (
          now.segments === 0 &&
          now.mapped === 0 &&
          now.descriptors.length <= before.descriptors.length &&
          now.shmem - before.shmem < tolerance
        )
      },
      () => ({ before, now: figures() }),
    )
    t.same(figures().descriptors, before.descriptors)
    t.same(pids.filter(isAlive), [])
  },
)

// Workers of a pool are killed at random while 20,000 calls run. (issue 3, what it must show)
// ISTHMUS_CALLS: how many; ISTHMUS_SEED: which moments.
import { type Pool, pool, type Tensor, type WorkerExitedError } from 'isthmus'
import t from 'tap'
import { script, settledPool } from '../fixtures/pools.js'
import {
  descriptorsOf,
  gone,
  isAlive,
  mappingsOf,
  segmentsOf,
  shmemBytes,
} from '../fixtures/processes.js'
import { until, within } from '../fixtures/watchdog.js'

const calls = Number(process.env.ISTHMUS_CALLS ?? 20_000)
const seed = Number(process.env.ISTHMUS_SEED ?? Date.now() % 1_000_000)
const workers = 3
const concurrency = 4
/** Other programs have shared memory too. */
const tolerance = 64 * 2 ** 20

let state = seed
function random(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return state / 2 ** 32
}

const figures = () => ({
  seed,
  descriptors: descriptorsOf('self').size,
  segments: segmentsOf('self').length,
  mapped: mappingsOf('self').filter(line => line.includes('memfd:isthmus')).length,
  shmem: shmemBytes(),
})

const quick = { delay: 1, maxDelay: 50, limit: Infinity }

async function storm(t: Tap, py: Pool, shared: Tensor<'float64'>): Promise<Set<number>> {
  const pids = new Set<number>()
  let left = calls
  let kills = 0
  const victims = new Map<string, number>() // how many calls each death has failed
  const note = () => {
    for (const { pid } of py.stats().workers) pids.add(pid)
  }
  const one = async (at: number) => {
    try {
      if (at % 3 === 0) {
        using result = (await py.call('ramp', at, 10_000)) as Tensor<'float64'>
        if (result.at(-1) !== at + 9_999) t.fail(`call ${at}: ${result.at(-1)}`)
        // To whichever worker is free, also when the one that made it is dead by then.
        const sum = await py.call('total', result)
        if (sum !== 10_000 * at + (10_000 * 9_999) / 2) t.fail(`call ${at}: ${sum}`)
      } else if (at % 3 === 1) {
        const sum = await py.call('total', shared)
        if (sum !== 10_000) t.fail(`call ${at}: ${sum}`)
      } else if ((await py.call('double', at)) !== 2 * at) t.fail(`call ${at}`)
    } catch (error) {
      const { code, signal } = error as WorkerExitedError
      if (code !== 'ERR_WORKER_EXITED' || signal !== 'SIGKILL') t.fail(`call ${at}: ${error}`)
      victims.set('all', (victims.get('all') ?? 0) + 1)
    } finally {
      left--
    }
  }
  const kill = async () => {
    while (left > 0) {
      await new Promise(resolve => setTimeout(resolve, random() * 100))
      note()
      const ready = py.stats().workers.filter(worker => worker.state === 'ready')
      const victim = ready[Math.floor(random() * ready.length)]
      // One is left alone: a worker takes longer to start than to die.
      if (victim === undefined || ready.length < 2 || left === 0) continue
      try {
        process.kill(victim.pid, 'SIGKILL')
        kills++
      } catch {
        // it has ended already
      }
    }
  }
  // As many as a busy service has at a time: all at once would be a test of the queue alone.
  let next = 0
  const client = async () => {
    while (next < calls) await one(next++)
  }
  await within(
    'every call settles',
    Promise.all([kill(), ...Array.from({ length: 200 }, client)]),
    () => ({ ...py.stats(), left, kills, seed }),
    200_000,
  )
  const failed = victims.get('all') ?? 0
  t.ok(kills > 0, `${kills} kills`)
  t.ok(failed <= kills * concurrency, `${failed} calls failed, at most those in flight`)
  t.comment(`seed ${seed}: ${kills} kills, ${failed} of ${calls} calls failed`)
  note()
  return pids
}

type Tap = {
  ok(value: unknown, name: string): void
  fail(name: string): void
  comment(text: string): void
}

t.test(
  `${calls} calls (seed ${seed}): only what ran in a dead worker fails, and nothing is left`,
  { timeout: 280_000 },
  async t => {
    // The first process that Node starts leaves descriptors of its own.
    const first = await within('pool', pool(script, { workers: 1 }))
    await within('close', first.close())
    const before = figures()
    const py = await within(
      'pool',
      pool(script, {
        workers,
        concurrency,
        restart: quick,
        memory: '512MiB',
        stdout: 'events',
        stderr: 'events',
      }),
    )
    const shared = py.tensor('float64', [10_000])
    shared.data.fill(1)
    const pids = await storm(t, py, shared)
    await until(
      'it is at full strength',
      () => py.stats().workers.every(worker => worker.state === 'ready'),
      () => py.stats(),
    )
    for (const { pid } of py.stats().workers) pids.add(pid)
    t.same(
      await within('a call to each', py.broadcast('total', shared)),
      Array(workers).fill(10_000),
    )
    shared.dispose()
    await settledPool(
      py,
      'no lease, no block',
      stats => stats.leases === 0 && stats.ownBlocks === 0 && stats.borrowedBlocks === 0,
    )
    await within('close', py.close(), () => py.stats())
    for (const pid of pids) await gone(pid)
    t.same([...pids].filter(isAlive), [])
    await until(
      'nothing is left',
      () => {
        globalThis.gc!()
        const now = figures()
        return (
          now.segments === 0 &&
          now.mapped === 0 &&
          now.descriptors <= before.descriptors &&
          now.shmem - before.shmem < tolerance
        )
      },
      () => ({ before, now: figures() }),
    )
  },
)

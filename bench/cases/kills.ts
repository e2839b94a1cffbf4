// Workers of a pool are killed at random moments while 20,000 calls run: who loses a call, and what is left?
import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool, Tensor } from 'isthmus'
import { WrongValueError } from '../contender.js'
import { treeShmemMb, treeSize } from '../process-tree.js'
import type { Case, CellContext, Measured } from './case.js'
import { codeOf, openPool, tensorOf } from './concurrency.js'

const kCalls = 20_000
const kCallsPerSecondOfProfile = 40_000 // a quick run makes 8,000
const kWorkers = 4
const kConcurrency = 4
const kLanes = 64
const kPauseMs = 150 // between two kills, at most
const kBackMs = 30_000
const kValues = 4096

const openFiles = (): number => readdirSync('/proc/self/fd').length

/** One call; every eighth has a tensor in it, every eighth gets one back. */
async function call(py: Pool, i: number, lent: Tensor): Promise<void> {
  let seen: unknown
  let expected = 0
  if (i % 8 === 0) {
    seen = await py.call('total', lent)
    expected = 7 * kValues
  } else if (i % 8 === 4) {
    using result = tensorOf(await py.call('plus_one', lent))
    seen = Number(result.data[0]) + Number(result.data[kValues - 1])
    expected = 16
  } else {
    seen = await py.call('checksum', 1000 + i)
    expected = ((1000 + i) * (999 + i)) / 2
  }
  WrongValueError.unless(seen === expected, `call ${i}`, seen, expected)
}

class Killer {
  kills = 0
  #stopped = false
  readonly #done: Promise<void>

  constructor(py: Pool) {
    this.#done = this.#run(py)
  }

  async #run(py: Pool): Promise<void> {
    for (;;) {
      await sleep(Math.random() * kPauseMs)
      if (this.#stopped) return
      const ready = py.stats().workers.filter(({ state }) => state === 'ready')
      const victim = ready[Math.floor(Math.random() * ready.length)]
      if (victim === undefined) continue
      process.kill(victim.pid, 'SIGKILL')
      this.kills++
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
  }
}

async function work(py: Pool, calls: number, lent: Tensor): Promise<[right: number, lost: number]> {
  let next = 0
  let right = 0
  let lost = 0
  const lane = async (): Promise<void> => {
    while (next < calls) {
      try {
        await call(py, next++, lent)
        right++
      } catch (error) {
        if (codeOf(error) !== 'ERR_WORKER_EXITED') throw error
        lost++
      }
    }
  }
  await Promise.all(Array.from({ length: kLanes }, lane))
  return [right, lost]
}

async function untilAllReady(py: Pool): Promise<number> {
  const end = performance.now() + kBackMs
  for (;;) {
    const ready = py.stats().workers.filter(({ state }) => state === 'ready').length
    if (ready === kWorkers || performance.now() > end) return ready
    await sleep(20)
  }
}

async function measure({ seconds, spin }: CellContext): Promise<Measured> {
  const calls = Math.min(kCalls, Math.round(seconds * kCallsPerSecondOfProfile))
  const shmemBefore = treeShmemMb(process.pid)
  const py = await openPool(spin, {
    workers: kWorkers,
    concurrency: kConcurrency,
    restart: { limit: Infinity, delay: 10, maxDelay: 100 },
  })
  try {
    const lent = py.tensor('float32', [kValues])
    lent.data.fill(7)
    await work(py, 1000, lent)
    const filesBefore = openFiles()

    const killer = new Killer(py)
    const [right, lost] = await work(py, calls, lent)
    await killer.stop()
    const { kills } = killer
    // Whatever a dead worker had not answered is lost, and nothing else.
    WrongValueError.unless(lost <= kills * kConcurrency, 'calls lost', lost, kills * kConcurrency)

    const workersReady = await untilAllReady(py)
    const [again] = await work(py, 1000, lent)
    WrongValueError.unless(again === 1000, 'right results afterwards', again, 1000)
    await sleep(500) // what Python gives up arrives a little later
    const { leases } = py.stats()
    const files = openFiles() - filesBefore
    lent.dispose()
    await py.close()
    return {
      figures: {
        calls,
        right,
        lost,
        kills,
        workersReady,
        leases,
        files,
        processesLeft: treeSize(process.pid) - 1,
        shmemLeftMb: treeShmemMb(process.pid) - shmemBefore,
      },
    }
  } finally {
    await py.close({ force: true })
  }
}

export const kills: Case = {
  title: `workers of a pool of ${kWorkers} are killed at random moments during ${kCalls} calls`,
  contenders: ['isthmus'],
  sizes: [0],
  once: true,
  run: measure,
}

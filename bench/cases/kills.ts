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
const kCallsPerKill = 400 // on average
const kLatestMs = 5
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

/** Process ids of the workers that take calls. Who was killed may take a moment to be known as dead. */
const ready = (py: Pool, killed: ReadonlySet<number>): number[] =>
  py
    .stats()
    .workers.filter(({ state, pid }) => state === 'ready' && !killed.has(pid))
    .map(({ pid }) => pid)

/** Kills a worker now and then: by calls made, because a slow machine would otherwise do nothing but restart. */
class Killer {
  readonly killed = new Set<number>()
  #at = 0
  readonly #py: Pool

  constructor(py: Pool) {
    this.#py = py
  }

  /** So many calls have been made. */
  async look(calls: number): Promise<void> {
    if (calls < this.#at) return
    this.#at = calls + Math.ceil(Math.random() * 2 * kCallsPerKill)
    await sleep(Math.random() * kLatestMs) // not just when an answer has come
    const living = ready(this.#py, this.killed)
    const victim = living[Math.floor(Math.random() * living.length)]
    if (victim === undefined) return
    process.kill(victim, 'SIGKILL')
    this.killed.add(victim)
  }
}

interface Outcome {
  readonly right: number
  readonly lost: number
}

async function work(py: Pool, calls: number, lent: Tensor, killer?: Killer): Promise<Outcome> {
  let next = 0
  let right = 0
  let lost = 0
  const lane = async (): Promise<void> => {
    while (next < calls) {
      const looked = killer?.look(next)
      try {
        await call(py, next++, lent)
        right++
      } catch (error) {
        if (codeOf(error) !== 'ERR_WORKER_EXITED') throw error
        lost++
      }
      await looked
    }
  }
  await Promise.all(Array.from({ length: kLanes }, lane))
  return { right, lost }
}

async function untilAllReady(py: Pool, killed: ReadonlySet<number>): Promise<number> {
  const end = performance.now() + kBackMs
  for (;;) {
    const { length } = ready(py, killed)
    if (length === kWorkers || performance.now() > end) return length
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
    const { right, lost } = await work(py, calls, lent, killer)
    const { killed } = killer
    const kills = killed.size
    // Whatever a dead worker had not answered is lost, and nothing else.
    WrongValueError.unless(lost <= kills * kConcurrency, 'calls lost', lost, kills * kConcurrency)

    const workersReady = await untilAllReady(py, killed)
    const again = await work(py, 1000, lent)
    WrongValueError.unless(again.right === 1000, 'right results afterwards', again.right, 1000)
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
  expectedMs: 30_000,
  run: measure,
}

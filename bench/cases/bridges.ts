// 1 to 64 bridges at once, each with a worker of its own: opening them, calling, memory, and doing nothing.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bridge } from 'isthmus'
import { WrongValueError } from '../contender.js'
import { treeCpuMs, treeMemoryMb } from '../process-tree.js'
import type { Case, CellContext, Measured } from './case.js'
import { openBridge } from './concurrency.js'
import { warmUpLanes } from './warm-up.js'

const kIdleSeconds = 5
const kSettleMs = 10_000 // as in idle.ts: V8 collects twice some 8 s after the last work

export const bridgeCounts: Readonly<Record<string, number>> = {
  'isthmus-bridges-1': 1,
  'isthmus-bridges-4': 4,
  'isthmus-bridges-16': 16,
  'isthmus-bridges-64': 64,
}

async function call(py: Bridge, i: number): Promise<void> {
  const sum = await py.call('add', i, 1000)
  if (sum !== i + 1000) WrongValueError.unless(false, `add(${i}, 1000)`, sum, i + 1000)
}

async function measure({ contender, seconds, spin }: CellContext): Promise<Measured> {
  const count = bridgeCounts[contender] ?? 1
  await import('isthmus') // loading the library is not opening a bridge
  const memoryBefore = treeMemoryMb(process.pid)
  const opening = performance.now()
  const bridges = await Promise.all(Array.from({ length: count }, () => openBridge(spin)))
  await Promise.all(bridges.map((py, i) => call(py, i)))
  const openMs = performance.now() - opening
  try {
    await warmUpLanes(count, i => call(bridges[i % count] as Bridge, i))
    let calls = 0
    const start = performance.now()
    const end = start + seconds * 1000
    const caller = async (py: Bridge): Promise<void> => {
      while (performance.now() < end) await call(py, calls++)
    }
    await Promise.all(bridges.map(caller))
    const callsPerSecond = (calls / (performance.now() - start)) * 1000
    const bridgeMb = (treeMemoryMb(process.pid) - memoryBefore) / count

    await sleep(kSettleMs)
    const cpuBefore = treeCpuMs()
    await sleep(kIdleSeconds * 1000)
    const idleCpuMs = treeCpuMs() - cpuBefore
    return { figures: { openMs, callsPerSecond, bridgeMb, idleCpuMs } }
  } finally {
    await Promise.all(bridges.map(py => py.close()))
  }
}

export const bridgeScaling: Case = {
  title: `many bridges at once, one caller each; then ${kIdleSeconds} s without a call`,
  contenders: Object.keys(bridgeCounts),
  sizes: [0],
  once: true,
  limitMs: 300_000,
  expectedMs: kSettleMs + kIdleSeconds * 1000 + 8000,
  run: measure,
}

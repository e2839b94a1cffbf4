// A bridge that has worked and now has nothing to do: CPU time of all its processes, and then the first
// call after the pause, which finds both sides asleep.
import { setTimeout as sleep } from 'node:timers/promises'
import { Histogram } from '../histogram.js'
import { treeCpuMs } from '../process-tree.js'
import { type Case, everyBridge } from './case.js'

const kIdleSeconds = 10
const kWarmCalls = 1000
// V8 collects twice some 8 s after the last work (its memory reducer): 20 ms of CPU in a Node that has no
// bridge at all. The window opens after that.
const kSettleMs = 10_000

export const idle: Case = {
  title: `idle for ${kIdleSeconds} s: CPU time of both processes`,
  contenders: ['node-alone', ...everyBridge],
  sizes: [0],
  once: true,
  expectedMs: 21_500,
  async run({ open }) {
    const session = await open()
    for (let i = 0; i < kWarmCalls; i++) await session.add(i, 1)
    await sleep(kSettleMs)
    const before = treeCpuMs()
    await sleep(kIdleSeconds * 1000)
    const idleCpuMs = treeCpuMs() - before
    const histogram = new Histogram()
    const start = performance.now()
    await session.add(1, 2)
    histogram.recordMs(performance.now() - start)
    return { histogram, figures: { idleCpuMs } }
  },
}

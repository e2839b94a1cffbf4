// A reader 100 times slower than the producer: back-pressure has to hold, and memory to stay where it is.
import { setTimeout as sleep } from 'node:timers/promises'
import { rssMb, treeShmemMb } from '../process-tree.js'
import type { Case, CellContext, Measured } from './case.js'
import { frameOf, kFrameBytes, openBridge } from './concurrency.js'

const kFrames = 10_000
const kFramesPerSecondOfProfile = 20_000 // a quick run reads 4,000
const kUnhurried = 1000 // frames by which the producer's own pace is measured
const kSlower = 100
/** Every sixteenth page of a frame is written, 1.5 MB: enough to see a frame that stays. */
const kPagesApart = 16
const kSamples = 100
/** From this sample on memory must be flat: the window is full, and V8 has its heap. */
const kSettled = 10

interface Memory {
  readonly [name: string]: number[]
}

/** The most by which it ever exceeded what it was once everything had begun. */
const growth = (series: readonly number[]): number =>
  Math.max(...series.slice(kSettled)) - (series[kSettled] ?? NaN)

async function measure({ seconds, spin }: CellContext): Promise<Measured> {
  await using py = await openBridge(spin)

  const start = performance.now()
  let index = 0
  for await (const item of py.stream('frames', kUnhurried, kPagesApart))
    frameOf(item, index++).dispose()
  const paceMs = (performance.now() - start) / kUnhurried

  const frames = Math.min(kFrames, Math.round(seconds * kFramesPerSecondOfProfile))
  const pauseMs = Math.max(1, Math.ceil(kSlower * paceMs)) // timers count whole milliseconds
  const memory: Memory = { nodeRssMb: [], pythonRssMb: [], shmemMb: [] }
  const look = (): void => {
    memory.nodeRssMb?.push(rssMb(process.pid))
    memory.pythonRssMb?.push(rssMb(py.pid))
    memory.shmemMb?.push(treeShmemMb(process.pid))
  }
  const began = performance.now()
  index = 0
  for await (const item of py.stream('frames', frames, kPagesApart)) {
    const frame = frameOf(item, index)
    if (index % (frames / kSamples) === 0) look()
    await sleep(pauseMs)
    frameOf(frame, index++).dispose() // nobody has written into it meanwhile
  }
  look()
  const readMs = (performance.now() - began) / frames
  return {
    series: memory,
    figures: {
      frames: index,
      slowerBy: readMs / paceMs,
      nodeGrowthMb: growth(memory.nodeRssMb ?? []),
      pythonGrowthMb: growth(memory.pythonRssMb ?? []),
      shmemGrowthMb: growth(memory.shmemMb ?? []),
    },
  }
}

export const slowReader: Case = {
  title: `stream of frames of 24 MB and a reader ${kSlower} times slower: memory`,
  contenders: ['isthmus'],
  sizes: [kFrameBytes],
  once: true,
  expectedMs: 100_000,
  limitMs: 600_000,
  run: measure,
}

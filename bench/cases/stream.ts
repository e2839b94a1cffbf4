// Values of a Python generator, read as they come: small ones, and arrays of 24 MB.
import { WrongValueError } from '../contender.js'
import type { Case, CellContext, Measured } from './case.js'
import { frameOf, kFrameBytes, openBridge } from './concurrency.js'

const kWarmItems = 20_000
const kWarmFrames = 500
const kBatch = 256 // items between two looks at the clock

interface Reading {
  readonly generator: string
  readonly args: readonly unknown[]
  readonly window: number | undefined
  readonly warm: number
  /** Checks one item and gives it up. */
  readonly check: (item: unknown, index: number) => void
}

/** Reads until the time is over, and then leaves: the generator has no end of its own. */
async function rate({ seconds, spin }: CellContext, reading: Reading): Promise<Measured> {
  const { generator, args, window, warm, check } = reading
  await using py = await openBridge(spin)
  const caller = window === undefined ? py : py.with({ window })
  let index = 0
  let start = 0
  let end = Infinity
  let copiedBefore = 0
  for await (const item of caller.stream(generator, ...args)) {
    check(item, index)
    index++
    if (index === warm) {
      copiedBefore = py.stats().copiedBytes
      start = performance.now()
      end = start + seconds * 1000
    }
    if (index % kBatch === 0 && performance.now() >= end) break
  }
  const elapsed = performance.now() - start
  const items = index - warm
  return {
    figures: {
      itemsPerSecond: (items / elapsed) * 1000,
      copiedBytesPerItem: (py.stats().copiedBytes - copiedBefore) / items,
    },
  }
}

function checkNumber(item: unknown, index: number): void {
  if (item !== index) WrongValueError.unless(false, 'stream of numbers', item, index)
}

const windows: Readonly<Record<string, number>> = { 'isthmus-window-64': 64 }

export const streamOfNumbers: Case = {
  title: 'stream of small items',
  contenders: ['isthmus', 'isthmus-window-64'],
  sizes: [0],
  run: context =>
    rate(context, {
      generator: 'numbers',
      args: [],
      window: windows[context.contender],
      warm: kWarmItems,
      check: checkNumber,
    }),
}

export const streamOfFrames: Case = {
  title: 'stream of frames of 24 MB, each read where it is',
  contenders: ['isthmus', 'isthmus-window-64'],
  sizes: [kFrameBytes],
  run: context =>
    rate(context, {
      generator: 'frames',
      args: [2 ** 40],
      window: windows[context.contender],
      warm: kWarmFrames,
      check: (item, index) => frameOf(item, index).dispose(),
    }),
}

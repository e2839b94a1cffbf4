// One array of 512 MB summed by row chunks in a pool of two processes: time, and memory beyond the array.
import { WrongValueError } from '../contender.js'
import { kRows, openReducer, pythonRivals, type Reducer } from '../contenders/reducer.js'
import { Histogram } from '../histogram.js'
import { treeMemoryMb } from '../process-tree.js'
import type { Case, CellContext, Measured } from './case.js'

const kBytes = 2 ** 29
const kWarmSums = 2
const kMinSamples = 3
const kSumsWatched = 2 // while memory is looked at, which takes time of its own
const kWatchMs = 5

/** Sums with a fresh value in another row each time: a sum of what was there before is wrong. */
class Sums {
  #count = 0
  #expected: number

  constructor(
    readonly reducer: Reducer,
    bytes: number,
  ) {
    this.#expected = 0.25 * (bytes / 4)
  }

  async next(): Promise<number> {
    const mark = ++this.#count
    const row = (mark * 997) % kRows
    this.#expected += mark - 0.25
    const { ns, value } = await this.reducer.sum(row, mark)
    WrongValueError.unless(value === this.#expected, 'sum', value, this.#expected)
    return ns
  }
}

/** The most that the contender's processes had together while it summed. */
async function peakMb(sums: Sums): Promise<number> {
  let most = 0
  const look = (): void => {
    most = Math.max(most, treeMemoryMb(sums.reducer.pid))
  }
  const timer = setInterval(look, kWatchMs)
  for (let i = 0; i < kSumsWatched; i++) await sums.next()
  clearInterval(timer)
  look()
  return most
}

async function measure(context: CellContext): Promise<Measured> {
  const { bytes, seconds } = context
  const reducer = await openReducer(context)
  try {
    const startMs = await reducer.startMs()
    const emptyMb = treeMemoryMb(reducer.pid)
    await reducer.place()
    const sums = new Sums(reducer, bytes)
    for (let i = 0; i < kWarmSums; i++) await sums.next()

    const histogram = new Histogram()
    const copiedBefore = reducer.copiedBytes()
    const end = performance.now() + seconds * 1000
    while (histogram.count < kMinSamples || performance.now() < end)
      histogram.recordNs(await sums.next())
    const copiedAfter = reducer.copiedBytes()
    const extraMb = (await peakMb(sums)) - emptyMb - bytes / 2 ** 20
    return {
      histogram,
      figures: {
        extraMb,
        startMs,
        ...(copiedBefore !== undefined &&
          copiedAfter !== undefined && {
            copiedBytesPerCall: (copiedAfter - copiedBefore) / histogram.count,
          }),
      },
    }
  } finally {
    await reducer.close()
  }
}

export const reduce: Case = {
  title: 'sum of one array of 512 MB by row chunks, two processes; starting them apart',
  contenders: ['isthmus', 'isthmus-heap', ...pythonRivals, 'numpy-alone'],
  sizes: [kBytes],
  run: measure,
}

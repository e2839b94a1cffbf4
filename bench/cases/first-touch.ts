// An array that is used for the first time, against the same array used again.
//
// New memory exists once it is written: the kernel clears a page at its first touch, and maps it in each process that
// looks at it. All arrays of the first pass are kept until the second is over, so that none gets the memory of another.
import { type Parcel, type Session, WrongValueError } from '../contender.js'
import { Histogram } from '../histogram.js'
import type { Case, CellContext, Measured } from './case.js'
import { everyKind, fieldOf } from './field.js'
import { warmUp } from './warm-up.js'

const kTotalBytes = 2 ** 29
const kMostArrays = 64
const kWarmLength = 1024

/** All of it is written, and Python reads both ends. */
async function fillAndSend(session: Session, parcel: Parcel, mark: number): Promise<void> {
  parcel.data.fill(mark)
  const sum = await session.inbound(parcel)
  if (sum !== 2 * mark) WrongValueError.unless(false, 'inbound', sum, 2 * mark)
}

async function measure({ open, bytes }: CellContext): Promise<Measured> {
  const session = await open()
  const small = session.place(kWarmLength)
  await warmUp(i => fillAndSend(session, small, i % 1000))

  const arrays = Math.min(kMostArrays, Math.floor(kTotalBytes / bytes))
  const kept: Parcel[] = []
  const fresh = new Histogram()
  for (let mark = 1; mark <= arrays; mark++) {
    const start = performance.now()
    const parcel = session.place(bytes / 4)
    await fillAndSend(session, parcel, mark)
    fresh.recordMs(performance.now() - start)
    kept.push(parcel)
  }
  const used = new Histogram()
  for (const [i, parcel] of kept.entries()) {
    const start = performance.now()
    await fillAndSend(session, parcel, arrays + i)
    used.recordMs(performance.now() - start)
  }
  return { histogram: fresh, figures: { usedAgainNs: used.percentile(0.5) } }
}

export const firstTouch: Case = {
  title: 'array made, filled and sent for the first time; and filled and sent again',
  contenders: fieldOf({ ours: ['isthmus', 'isthmus-heap'], kinds: everyKind }),
  sizes: [2 ** 20, 2 ** 26, 2 ** 28],
  once: true,
  expectedMs: 1500,
  run: measure,
}

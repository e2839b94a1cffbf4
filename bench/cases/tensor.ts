// Arrays of float32: into Python, out of Python, both ways, and both ways with work on every element.
import { type Parcel, type Session, WrongValueError } from '../contender.js'
import { Histogram } from '../histogram.js'
import { type Case, type CellContext, everyBridge, type Measured } from './case.js'

export const tensorSizes: readonly number[] = [
  64,
  4096,
  2 ** 16,
  2 ** 20,
  2 ** 24,
  2 ** 26,
  2 ** 28,
  2 ** 30,
]

const kItemBytes = 4
const kEchoed = 16 // elements that Python changes
const kMarks = 1000 // marks repeat after so many calls: float32 holds them exactly
const kMinSamples = 3
const kMaxSamples = 200_000
const kWarmMs = 150

/** One timed call. It writes fresh marks first and checks them afterwards, so a stale answer cannot pass. */
type Trip = (session: Session, parcel: Parcel, mark: number) => Promise<number>

const inbound: Trip = async (session, parcel, mark) => {
  const { data } = parcel
  data[0] = mark
  data[data.length - 1] = mark
  const start = performance.now()
  const sum = await session.inbound(parcel)
  const ms = performance.now() - start
  WrongValueError.unless(sum === 2 * mark, 'inbound', sum, 2 * mark)
  return ms
}

const outbound: Trip = async (session, parcel, mark) => {
  const { length } = parcel.data
  const start = performance.now()
  const result = await session.outbound(length, mark)
  const { data } = result
  const seen = [data.length, data[0], data[length - 1]].join()
  const ms = performance.now() - start
  WrongValueError.unless(seen === [length, mark, mark].join(), 'outbound', seen, mark)
  session.discard(result)
  return ms
}

function returning(
  call: 'echo' | 'double',
  expected: (mark: number) => [first: number, last: number],
): Trip {
  return async (session, parcel, mark) => {
    const { data } = parcel
    const { length } = data
    data[0] = mark
    data[length - 1] = mark
    const start = performance.now()
    const result = await session[call](parcel)
    const received = result.data
    const first = received[0]
    const last = received[length - 1]
    if (result !== parcel && received.buffer !== data.buffer) session.discard(result)
    const ms = performance.now() - start
    const [wantedFirst, wantedLast] = expected(mark)
    WrongValueError.unless(first === wantedFirst, `${call}, first element`, first, wantedFirst)
    WrongValueError.unless(last === wantedLast, `${call}, last element`, last, wantedLast)
    return ms
  }
}

async function measure({ open, bytes, seconds }: CellContext, trip: Trip): Promise<Measured> {
  const session = await open()
  const parcel = session.place(bytes / kItemBytes)
  parcel.data.fill(0.25)
  let mark = 0
  const next = (): Promise<number> => {
    mark = (mark + 1) % kMarks
    return trip(session, parcel, mark)
  }

  const warmed = performance.now() + kWarmMs
  do await next()
  while (performance.now() < warmed)

  const histogram = new Histogram()
  const copiedBefore = session.copiedBytes()
  const end = performance.now() + seconds * 1000
  while (
    histogram.count < kMinSamples ||
    (performance.now() < end && histogram.count < kMaxSamples)
  ) {
    histogram.recordMs(await next())
  }
  const copiedAfter = session.copiedBytes()
  if (copiedBefore === undefined || copiedAfter === undefined) return { histogram }
  return {
    histogram,
    figures: { copiedBytesPerCall: (copiedAfter - copiedBefore) / histogram.count },
  }
}

const contenders = ['isthmus', 'isthmus-heap', ...everyBridge.slice(1)]

export const tensorIn: Case = {
  title: 'array in (Node → Python)',
  contenders,
  sizes: tensorSizes,
  run: context => measure(context, inbound),
}

export const tensorOut: Case = {
  title: 'array out (Python → Node)',
  contenders: everyBridge,
  sizes: tensorSizes,
  run: context => measure(context, outbound),
}

export const tensorEcho: Case = {
  title: 'array there and back (echo)',
  contenders,
  sizes: tensorSizes,
  run: context =>
    measure(
      context,
      returning('echo', mark => [
        mark + 1,
        context.bytes <= kEchoed * kItemBytes ? mark + 1 : mark,
      ]),
    ),
}

export const double: Case = {
  title: 'x * 2 in Python, array there and result back',
  contenders: everyBridge,
  sizes: [2 ** 28],
  run: context =>
    measure(
      context,
      returning('double', mark => [2 * mark, 2 * mark]),
    ),
}

// Arrays of float32: into Python, out of Python, both ways, changed in place, and with work on every element.
import { type Parcel, type Session, WrongValueError } from '../contender.js'
import { contenders } from '../contenders/index.js'
import { Histogram } from '../histogram.js'
import type { Case, CellContext, Measured } from './case.js'
import { everyKind, fieldOf, variantsAt } from './field.js'
import { warmUp } from './warm-up.js'

export const tensorSizes: readonly number[] = [
  64,
  4096,
  2 ** 16,
  2 ** 20,
  2 ** 24,
  2 ** 28,
  2 ** 30,
]

/** One way the same shows at fewer sizes. */
const oneWaySizes = [64, 2 ** 12, 2 ** 20, 2 ** 28, 2 ** 30]
const kLargeUpdate = 2 ** 28
const updateSizes = [64, 2 ** 20, kLargeUpdate]

const kItemBytes = 4
const kEchoed = 16 // elements that Python changes
const kMarks = 1000 // marks repeat after so many calls: float32 holds them exactly
const kMinSamples = 3
const kMaxSamples = 200_000
/** Which core wakes which one shows in small arrays only. */
const kVariantSizes = [64, 2 ** 20]

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

const echoing = (bytes: number): Trip =>
  returning('echo', mark => [mark + 1, bytes <= kEchoed * kItemBytes ? mark + 1 : mark])

/** Where memory is shared nothing comes back. Who has to send an array keeps the one that returns. */
const updating: Trip = async (session, parcel, mark) => {
  if (!session.update) return echoing(parcel.data.byteLength)(session, parcel, mark)
  const { data } = parcel
  data[0] = mark
  data[data.length - 1] = mark
  const start = performance.now()
  await session.update(parcel)
  const first = data[0]
  const ms = performance.now() - start
  WrongValueError.unless(first === mark + 1, 'update, first element', first, mark + 1)
  return ms
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

  await warmUp(next)

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

const sessions = fieldOf({ kinds: everyKind })
const sessionsAndHeap = fieldOf({ ours: ['isthmus', 'isthmus-heap'], kinds: everyKind })

export const tensorIn: Case = {
  title: 'array in (Node → Python)',
  contenders: sessionsAndHeap,
  sizes: oneWaySizes,
  run: context => measure(context, inbound),
}

export const tensorOut: Case = {
  title: 'array out (Python → Node)',
  contenders: sessions,
  sizes: oneWaySizes,
  run: context => measure(context, outbound),
}

export const tensorEcho: Case = {
  title: 'array there and back (echo)',
  contenders: fieldOf({ ours: ['isthmus', 'isthmus-heap'], kinds: everyKind, cores: 'one' }),
  sizes: tensorSizes,
  takes: variantsAt(kVariantSizes),
  run: context => measure(context, echoing(context.bytes)),
}

/** Whose array has to travel is measured by `echo` at the largest size. */
const travels = (contender: string): boolean =>
  contenders[contender]?.kind === 'rival' && !contender.startsWith('shm-file')

export const tensorUpdate: Case = {
  title: 'array of Node changed in place by Python',
  contenders: sessions,
  sizes: updateSizes,
  takes: (contender, bytes) => bytes < kLargeUpdate || !travels(contender),
  run: context => measure(context, updating),
}

export const doubleSizes: readonly number[] = [2 ** 12, 2 ** 20, 2 ** 26, 2 ** 28]

export const double: Case = {
  title: 'x * 2 in Python, array there and result back',
  contenders: sessions,
  sizes: doubleSizes,
  run: context =>
    measure(
      context,
      returning('double', mark => [2 * mark, 2 * mark]),
    ),
}

// Values of a Python generator, read as they come: small ones, and arrays of 24 MB.
import { NotOfferedError, type Parcel, type Session, WrongValueError } from '../contender.js'
import type { Case, CellContext, Measured } from './case.js'
import { frameOf, kFrameBytes, openBridge } from './concurrency.js'
import { everyKind, fieldOf } from './field.js'

const kWarmItems = 20_000
const kWarmFrames = 500
const kWarmMs = 800 // as in warm-up.ts
const kItemsPerLook = 256 // between two looks at the clock, which would cost as much as a small item
const kFramesPerLook = 4

interface Reading {
  readonly items: AsyncIterable<unknown>
  readonly warm: number
  readonly perLook: number
  /** Checks one item and gives it up. */
  readonly check: (item: unknown, index: number) => void
  readonly copiedBytes: () => number | undefined
}

/** Reads until the time is over, and then leaves: the generator has no end of its own. */
async function rate(seconds: number, reading: Reading): Promise<Measured> {
  const { items, warm, perLook, check, copiedBytes } = reading
  const warmed = performance.now() + kWarmMs
  let read = 0
  let first = 0
  let start = 0
  let end = Infinity
  let copiedBefore: number | undefined
  for await (const item of items) {
    check(item, read++)
    if (read % perLook !== 0) continue
    const now = performance.now()
    if (now >= end) break
    if (start === 0 && (read >= warm || now >= warmed)) {
      copiedBefore = copiedBytes()
      first = read
      start = performance.now()
      end = start + seconds * 1000
    }
  }
  const count = read - first
  const copied = copiedBytes()
  return {
    figures: {
      itemsPerSecond: (count / (performance.now() - start)) * 1000,
      ...(copied !== undefined &&
        copiedBefore !== undefined && { copiedBytesPerItem: (copied - copiedBefore) / count }),
    },
  }
}

const windows: Readonly<Record<string, number | undefined>> = {
  isthmus: undefined,
  'isthmus-window-64': 64,
}

/** Through our own API, where the window can be chosen. */
async function ours(
  { contender, seconds, spin }: CellContext,
  generator: string,
  args: readonly unknown[],
  reading: Pick<Reading, 'warm' | 'perLook' | 'check'>,
): Promise<Measured> {
  await using py = await openBridge(spin)
  const window = windows[contender]
  const caller = window === undefined ? py : py.with({ window })
  const items = caller.stream(generator, ...args)
  return await rate(seconds, { ...reading, items, copiedBytes: () => py.stats().copiedBytes })
}

const numbers = {
  warm: kWarmItems,
  perLook: kItemsPerLook,
  check(item: unknown, index: number): void {
    if (item !== index) WrongValueError.unless(false, 'stream of numbers', item, index)
  },
}

async function readNumbers(context: CellContext): Promise<Measured> {
  if (context.contender in windows) return ours(context, 'numbers', [], numbers)
  const session = await context.open()
  const items = session.numbers?.()
  if (!items) throw new NotOfferedError('streams')
  return rate(context.seconds, { ...numbers, items, copiedBytes: () => session.copiedBytes() })
}

const frames = { warm: kWarmFrames, perLook: kFramesPerLook }

/** Checks a frame of a rival where it lies, at both ends. */
function checkParcel(session: Session, item: unknown, index: number): void {
  const { data } = item as Parcel
  const seen = [data.byteLength, data[0], data[data.length - 1]].join()
  const expected = [kFrameBytes, index, index].join()
  if (seen !== expected) WrongValueError.unless(false, 'frame: bytes, both ends', seen, expected)
  session.discard(item as Parcel)
}

async function readFrames(context: CellContext): Promise<Measured> {
  if (context.contender in windows)
    return ours(context, 'frames', [2 ** 40], {
      ...frames,
      check: (item, index) => frameOf(item, index).dispose(),
    })
  const session = await context.open()
  const items = session.frames?.(kFrameBytes)
  if (!items) throw new NotOfferedError('streams of arrays')
  return rate(context.seconds, {
    ...frames,
    items,
    check: (item, index) => checkParcel(session, item, index),
    copiedBytes: () => session.copiedBytes(),
  })
}

const contenders = fieldOf({ ours: Object.keys(windows), kinds: everyKind })

export const streamOfNumbers: Case = {
  title: 'stream of small items',
  contenders,
  sizes: [0],
  run: readNumbers,
}

export const streamOfFrames: Case = {
  title: 'stream of frames of 24 MB, each read where it is',
  contenders,
  sizes: [kFrameBytes],
  run: readFrames,
}

// Two integers there, their sum back: awaited one after another, or with many in flight; and without a promise.
import { type Session, WrongValueError } from '../contender.js'
import { Histogram } from '../histogram.js'
import { treeCpuMs } from '../process-tree.js'
import type { Case, CellContext, Measured } from './case.js'
import { everyKind, fieldOf } from './field.js'
import { warmUp, warmUpLanes } from './warm-up.js'

const kMaxSamples = 2_000_000
const kWidths = [1, 8, 64, 1024]

export async function call(session: Session, i: number): Promise<void> {
  const sum = await session.add(i, 1000)
  if (sum !== i + 1000) WrongValueError.unless(false, `add(${i}, 1000)`, sum, i + 1000)
}

/** CPU time of both processes, in the unit in which it is easy to say: a million calls of 1 µs take 1 s. */
const cpuPerMillion = (cpuMs: number, calls: number): number => (cpuMs / calls) * 1000

async function oneAfterAnother({ open, seconds }: CellContext): Promise<Measured> {
  const session = await open()
  await warmUp(i => call(session, i))
  const histogram = new Histogram()
  const cpuBefore = treeCpuMs()
  const end = performance.now() + seconds * 1000
  for (let i = 0; i < kMaxSamples; i++) {
    const start = performance.now()
    const sum = await session.add(i, 1000)
    const stop = performance.now()
    if (sum !== i + 1000) WrongValueError.unless(false, `add(${i}, 1000)`, sum, i + 1000)
    histogram.recordMs(stop - start)
    if (stop >= end) break
  }
  const cpuSecondsPerMillion = cpuPerMillion(treeCpuMs() - cpuBefore, histogram.count)
  return { histogram, figures: { cpuSecondsPerMillion } }
}

/** Blocking calls, of contenders that have them; the others' row is the awaited call, to compare with. */
async function blocking(context: CellContext): Promise<Measured> {
  const session = await context.open()
  if (!session.addSync) return oneAfterAnother({ ...context, open: async () => session })
  await warmUp(async i => session.addSync?.(i, 1000))
  const histogram = new Histogram()
  const end = performance.now() + context.seconds * 1000
  for (let i = 0; i < kMaxSamples; i++) {
    const start = performance.now()
    const sum = session.addSync(i, 1000)
    const stop = performance.now()
    if (sum !== i + 1000) WrongValueError.unless(false, `add(${i}, 1000)`, sum, i + 1000)
    histogram.recordMs(stop - start)
    if (stop >= end) break
  }
  return { histogram }
}

/** Every lane awaits its own calls, so exactly `width` are in flight at any time. */
async function inFlight({ open, seconds }: CellContext, width: number): Promise<Measured> {
  const session = await open()
  await warmUpLanes(width, i => call(session, i))
  let calls = 0
  const cpuBefore = treeCpuMs()
  const start = performance.now()
  const end = start + seconds * 1000
  const lane = async (): Promise<void> => {
    while (performance.now() < end) await call(session, calls++)
  }
  await Promise.all(Array.from({ length: width }, lane))
  const elapsed = performance.now() - start
  return {
    figures: {
      callsPerSecond: (calls / elapsed) * 1000,
      cpuSecondsPerMillion: cpuPerMillion(treeCpuMs() - cpuBefore, calls),
    },
  }
}

export const smallCall: Case = {
  title: 'small call, awaited one after another',
  contenders: fieldOf({ kinds: everyKind, floors: ['floor-loop'], cores: 'any' }),
  sizes: [0],
  run: oneAfterAnother,
}

export const smallSync: Case = {
  title: 'small call that blocks: callSync, and Python inside the process',
  contenders: fieldOf({ ours: ['isthmus', 'isthmus-sync'], kinds: ['embedding'], blocking: true }),
  sizes: [0],
  run: blocking,
}

/** The floor has 64 slots. */
const kFloorWidth = 64
/** Rivals on one core take part here, and with one call at a time: `small`. */
const kSpread = 64

export const inFlightCases: Readonly<Record<string, Case>> = Object.fromEntries(
  kWidths.map(width => [
    `in-flight-${width}`,
    {
      title: width === 1 ? 'small calls, 1 in flight: calls/s' : `small calls, ${width} in flight`,
      contenders: fieldOf({
        kinds: everyKind,
        floors: width <= kFloorWidth ? ['floor-loop'] : [],
        ...(width === kSpread && { cores: 'one' as const }),
      }),
      sizes: [0],
      run: context => inFlight(context, width),
    } satisfies Case,
  ]),
)

// Two integers there, their sum back: awaited one after another, or many in flight.
import { type Session, WrongValueError } from '../contender.js'
import { Histogram } from '../histogram.js'
import { type Case, type CellContext, everyBridge, type Measured } from './case.js'

const contenders = [
  'floor-loop',
  ...everyBridge,
  'msgpack-socket-two-cores',
  'msgpack-socket-one-core',
]
const kWarmCalls = 3000
const kMaxSamples = 2_000_000

async function call(session: Session, i: number): Promise<void> {
  const sum = await session.add(i, 1000)
  if (sum !== i + 1000) WrongValueError.unless(false, `add(${i}, 1000)`, sum, i + 1000)
}

async function oneAfterAnother({ open, seconds }: CellContext): Promise<Measured> {
  const session = await open()
  for (let i = 0; i < kWarmCalls; i++) await call(session, i)
  const histogram = new Histogram()
  const end = performance.now() + seconds * 1000
  for (let i = 0; i < kMaxSamples; i++) {
    const start = performance.now()
    const sum = await session.add(i, 1000)
    const stop = performance.now()
    if (sum !== i + 1000) WrongValueError.unless(false, `add(${i}, 1000)`, sum, i + 1000)
    histogram.recordMs(stop - start)
    if (stop >= end) break
  }
  return { histogram }
}

/** Blocking calls, of contenders that have them; the others' row is the awaited call, to compare with. */
async function blocking(context: CellContext): Promise<Measured> {
  const session = await context.open()
  if (!session.addSync) return oneAfterAnother({ ...context, open: async () => session })
  for (let i = 0; i < kWarmCalls; i++) session.addSync(i, 1000)
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
  const lanes = async (until: (calls: number) => boolean): Promise<number> => {
    let calls = 0
    const lane = async (): Promise<void> => {
      while (!until(calls)) await call(session, calls++)
    }
    await Promise.all(Array.from({ length: width }, lane))
    return calls
  }
  await lanes(calls => calls >= kWarmCalls)
  const start = performance.now()
  const end = start + seconds * 1000
  const calls = await lanes(() => performance.now() >= end)
  return { figures: { callsPerSecond: (calls / (performance.now() - start)) * 1000 } }
}

export const smallCall: Case = {
  title: 'small call, awaited one after another',
  contenders,
  sizes: [0],
  run: oneAfterAnother,
}

export const smallSync: Case = {
  title: 'small call that blocks: callSync, and Python inside the process',
  contenders: ['isthmus', 'isthmus-sync', 'node-calls-python', 'pymport'],
  sizes: [0],
  run: blocking,
}

export const inFlight64: Case = {
  title: 'small calls, 64 in flight',
  contenders,
  sizes: [0],
  run: context => inFlight(context, 64),
}

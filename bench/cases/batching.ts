// Rows of 256 floats, one a call: how many a second when batches form, and what that costs when none does.
import type { Bridge } from 'isthmus'
import { WrongValueError } from '../contender.js'
import { Histogram } from '../histogram.js'
import { source } from '../paths.js'
import type { Case, CellContext, Measured } from './case.js'

const kFloats = 256
const kCallers = 128
const kWarmCalls = 3000
const kWarmSeconds = 0.2

async function openModel(spin: number | undefined): Promise<Bridge> {
  const { spawn } = await import('isthmus')
  return spawn(source('cases', 'batching.py'), spin === undefined ? {} : { spin })
}

/** Every row has a mark of its own in front, which its result has to be. */
function rows(): () => { readonly row: Float32Array; readonly mark: number } {
  const row = new Float32Array(kFloats)
  let mark = 0
  return () => {
    mark = (mark + 1) % 2 ** 24
    row[0] = mark
    return { row, mark }
  }
}

async function saturated({ contender, seconds, spin }: CellContext): Promise<Measured> {
  await using py = await openModel(spin)
  const name = contender === 'isthmus' ? 'model_of_batch' : 'model'
  const next = rows()
  const run = async (seconds: number): Promise<number> => {
    const end = performance.now() + seconds * 1000
    let calls = 0
    const caller = async (): Promise<void> => {
      while (performance.now() < end) {
        const { row, mark } = next()
        const value = await py.call(name, row)
        if (value !== mark) WrongValueError.unless(false, `${name}()`, value, mark)
        calls++
      }
    }
    await Promise.all(Array.from({ length: kCallers }, caller))
    return calls
  }
  await run(kWarmSeconds)
  const copied = py.stats().copiedBytes
  const start = performance.now()
  const calls = await run(seconds)
  const callsPerSecond = (calls / (performance.now() - start)) * 1000
  const copiedBytesPerCall = (py.stats().copiedBytes - copied) / calls
  const batch = py.stats().batches.model_of_batch!
  const figures = { callsPerSecond, copiedBytesPerCall }
  return { figures: batch.items === 0 ? figures : { ...figures, batchSize: batch.size.p50 } }
}

/** One caller, who awaits each call: the same function with and without the decorator, in turns. */
async function idle({ seconds, spin }: CellContext): Promise<Measured> {
  await using py = await openModel(spin)
  const next = rows()
  const timed = async (name: string): Promise<number> => {
    const { row, mark } = next()
    const start = performance.now()
    const value = await py.call(name, row)
    const ms = performance.now() - start
    if (value !== mark) WrongValueError.unless(false, `${name}()`, value, mark)
    return ms
  }
  const histogram = new Histogram()
  const plain = new Histogram()
  for (let turn = -kWarmCalls, end = Infinity; performance.now() < end; turn++) {
    if (turn === 0) end = performance.now() + seconds * 1000
    const order = turn % 2 === 0 ? ['first', 'first_of_batch'] : ['first_of_batch', 'first']
    for (const name of order) {
      const ms = await timed(name)
      if (turn >= 0) (name === 'first' ? plain : histogram).recordMs(ms)
    }
  }
  const plainNs = plain.percentile(0.5)
  return { histogram, figures: { plainNs, addedNs: histogram.percentile(0.5) - plainNs } }
}

export const batching: Case = {
  title: `rows of ${kFloats} floats to a model with a fixed cost of 1 ms, ${kCallers} callers`,
  contenders: ['isthmus', 'isthmus-unbatched'],
  sizes: [0],
  run: saturated,
}

export const batchingIdle: Case = {
  title: 'a batch function that is idle: one call, beside the same function without the decorator',
  contenders: ['isthmus'],
  sizes: [0],
  run: idle,
}

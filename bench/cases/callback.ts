// A function of Node called by Python: the round trip as Python sees it, beside a small call in the same process.
import type { Tensor } from 'isthmus'
import { WrongValueError } from '../contender.js'
import { Histogram } from '../histogram.js'
import type { Case, CellContext, Measured } from './case.js'
import { openBridge } from './concurrency.js'

const kWarmCalls = 3000
const kWarmSeconds = 0.1

/** How the Python function calls: it blocks a thread, or it is a coroutine. */
const functions: Readonly<Record<string, string>> = {
  isthmus: 'callbacks',
  'isthmus-awaited': 'callbacks_awaited',
}

async function measure({ contender, seconds, spin }: CellContext): Promise<Measured> {
  await using py = await openBridge(spin)
  const small = new Histogram()
  for (let i = -kWarmCalls, end = Infinity; performance.now() < end; i++) {
    if (i === 0) end = performance.now() + seconds * 500
    const start = performance.now()
    const sum = await py.call('add', i, 1000)
    const ms = performance.now() - start
    if (sum !== i + 1000) WrongValueError.unless(false, `add(${i}, 1000)`, sum, i + 1000)
    if (i >= 0) small.recordMs(ms)
  }

  const name = functions[contender] ?? ''
  const increment = (i: number): number => i + 1
  await py.call(name, increment, kWarmSeconds)
  using samples = (await py.call(name, increment, seconds)) as Tensor<'float64'>
  const histogram = new Histogram()
  for (const ns of samples.data) histogram.recordNs(ns)
  const smallCallNs = small.percentile(0.5)
  return {
    histogram,
    figures: { smallCallNs, perSmallCall: histogram.percentile(0.5) / smallCallNs },
  }
}

export const callback: Case = {
  title: 'callback: Python calls a function of Node and has its answer',
  contenders: Object.keys(functions),
  sizes: [0],
  run: measure,
}

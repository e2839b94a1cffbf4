// The calls that every other case makes before it measures: how many it takes until they are as fast as they get.
import { type Parcel, type Session, WrongValueError } from '../contender.js'
import { Histogram } from '../histogram.js'
import type { Case, CellContext, Measured } from './case.js'
import { everyKind, fieldOf } from './field.js'

const kBytes = 64
const kCallsPerBlock = 250
const kBlocks = 21 // the report shows each tenth, from the first to the last

async function echo(session: Session, parcel: Parcel, mark: number): Promise<number> {
  parcel.data[0] = mark
  const start = performance.now()
  const result = await session.echo(parcel)
  const first = result.data[0]
  if (result !== parcel && result.data.buffer !== parcel.data.buffer) session.discard(result)
  const ms = performance.now() - start
  if (first !== mark + 1) WrongValueError.unless(false, 'echo, first element', first, mark + 1)
  return ms
}

async function measure({ contender, open, bytes }: CellContext): Promise<Measured> {
  const session = await open()
  const parcel = session.place(bytes / 4)
  const blocks: Histogram[] = []
  for (let block = 0; block < kBlocks; block++) {
    const histogram = new Histogram()
    for (let i = 0; i < kCallsPerBlock; i++)
      histogram.recordMs(await echo(session, parcel, block * kCallsPerBlock + i))
    blocks.push(histogram)
  }
  const p50s = blocks.map(block => block.percentile(0.5))
  return {
    histogram: blocks.at(-1) as Histogram,
    figures: { firstBlockNs: p50s[0] as number },
    series: { [`${contender}, µs`]: p50s.map(ns => ns / 1000) },
  }
}

export const firstCalls: Case = {
  title: `the first ${kBlocks * kCallsPerBlock} calls of a process: p50 of each ${kCallsPerBlock}, and of the last ones`,
  contenders: fieldOf({ kinds: everyKind }),
  sizes: [kBytes],
  once: true,
  expectedMs: 1500,
  run: measure,
}

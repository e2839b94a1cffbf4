// A call when both sides are awake, and a call after a pause that is longer than anybody polls.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Session } from '../contender.js'
import { Histogram } from '../histogram.js'
import type { Case, CellContext, Measured } from './case.js'
import { everyKind, fieldOf } from './field.js'
import { call } from './small-call.js'
import { warmUp } from './warm-up.js'

const kPauseMs = 20
const kPauses = 40
const kHotCalls = 1000

async function timed(session: Session, i: number): Promise<number> {
  const start = performance.now()
  await call(session, i)
  return performance.now() - start
}

async function measure({ open }: CellContext): Promise<Measured> {
  const session = await open()
  await warmUp(i => call(session, i))
  const hot = new Histogram()
  for (let i = 0; i < kHotCalls; i++) hot.recordMs(await timed(session, i))
  const parked = new Histogram()
  for (let i = 0; i < kPauses; i++) {
    await sleep(kPauseMs)
    parked.recordMs(await timed(session, i))
  }
  return { histogram: parked, figures: { hotNs: hot.percentile(0.5) } }
}

export const wake: Case = {
  title: `small call after a pause of ${kPauseMs} ms, which finds both sides asleep`,
  contenders: fieldOf({ kinds: everyKind, cores: 'one' }),
  sizes: [0],
  expectedMs: kPauses * kPauseMs,
  run: measure,
}

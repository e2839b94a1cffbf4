// From nothing to the first answer: loading the client, starting Python, one small call.
import type { Session } from '../contender.js'
import { Histogram } from '../histogram.js'
import type { Case, CellContext, Measured } from './case.js'
import { everyKind, fieldOf } from './field.js'
import { call } from './small-call.js'

const kAgain = 2

async function started({ open }: CellContext, histogram?: Histogram): Promise<Session> {
  const start = performance.now()
  const session = await open()
  await call(session, 1)
  histogram?.recordMs(performance.now() - start)
  return session
}

/** One sample for each process: it is fresh once. Its files are in the page cache, unless it is the first one ever. */
async function first(context: CellContext): Promise<Measured> {
  const histogram = new Histogram()
  await started(context, histogram)
  return { histogram }
}

async function again(context: CellContext): Promise<Measured> {
  const histogram = new Histogram()
  await (await started(context)).close()
  const end = performance.now() + context.seconds * 1000
  for (;;) {
    const session = await started(context, histogram)
    if (histogram.count >= kAgain && performance.now() >= end) return { histogram }
    await session.close()
  }
}

export const start: Case = {
  title: 'start: client loaded, Python started, first small call answered',
  contenders: fieldOf({ kinds: everyKind }),
  sizes: [0],
  run: first,
}

export const startAgain: Case = {
  title: 'start again in the same Node process, after closing',
  contenders: fieldOf({ kinds: ['rival', 'threads'] }),
  sizes: [0],
  expectedMs: 1500,
  run: again,
}

// kill -9 of either side, at random moments of everything that can go on.
import { longer } from '../longer-test.mjs'

export const about =
  '1,000 × kill -9 of Node or a worker, in every phase: nothing hangs, and nothing is left'
export const variables = {
  ISTHMUS_KILLS: 'how many: 1000',
  ISTHMUS_SEED: 'which moments',
  ISTHMUS_PHASE: 'only while this goes on',
}

export async function run({ short }) {
  if (short) return { passed: 0, failed: 0, tried: [] } // npm test runs the same file with fewer
  return longer('74-kill-storm', { ISTHMUS_KILLS: process.env.ISTHMUS_KILLS ?? '1000' })
}

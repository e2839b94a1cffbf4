// Another process changes channels that are in use.
import { longer } from '../longer-test.mjs'

export const about =
  '20,000 changes from outside in rings that are in use: a typed error or the right result'
export const variables = {
  ISTHMUS_FLIPS: 'how many changes: 20000',
  ISTHMUS_SEED: 'which',
  ISTHMUS_AREA: 'only there',
}

export async function run({ short }) {
  if (short) return { passed: 0, failed: 0, tried: [] } // npm test runs the same file with fewer
  return longer('75-mutation', { ISTHMUS_FLIPS: process.env.ISTHMUS_FLIPS ?? '20000' })
}

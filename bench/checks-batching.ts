// Batches: issue 5.
import { type Check, check, type Reading } from './check.js'
import { digits, time, times } from './format.js'

const kRowBytes = 256 * 4

export function batchingChecks({ figure }: Reading): Check[] {
  const rate = (contender: string): number => figure('callsPerSecond', 'batching', contender)
  return [
    check(
      'batches: rows at saturation',
      ['≥', 5],
      rate('isthmus') / rate('isthmus-unbatched'),
      times,
    ),
    check(
      'batches: bytes copied for a row of 1,024',
      ['≤', kRowBytes],
      figure('copiedBytesPerCall', 'batching', 'isthmus'),
      digits,
    ),
    check(
      'batches: latency added when idle',
      ['≤', 50e3],
      figure('addedNs', 'batching-idle', 'isthmus'),
      time,
    ),
  ]
}

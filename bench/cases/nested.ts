// Nested values there and back, unchanged. Every answer is compared with what was sent, outside the timed part.
import { isDeepStrictEqual } from 'node:util'
import { NotOfferedError, WrongValueError } from '../contender.js'
import { Histogram } from '../histogram.js'
import type { Case, CellContext, Measured } from './case.js'
import { everyKind, fieldOf, variantsAt } from './field.js'
import { nestedValue } from './nested-value.js'
import { warmUp } from './warm-up.js'

const kMinSamples = 3
const kSmall = 2 ** 10

async function measure({ open, bytes, seconds }: CellContext): Promise<Measured> {
  const session = await open()
  if (!session.nested) throw new NotOfferedError('nested values')
  const value = nestedValue(bytes)
  const trip = async (): Promise<number> => {
    value.sequence++
    const start = performance.now()
    const answer = await session.nested?.(value)
    const ms = performance.now() - start
    if (!isDeepStrictEqual(answer, value))
      WrongValueError.unless(
        false,
        'nested',
        JSON.stringify(answer)?.slice(0, 300),
        'what was sent',
      )
    return ms
  }
  await warmUp(trip)
  const histogram = new Histogram()
  const end = performance.now() + seconds * 1000
  while (histogram.count < kMinSamples || performance.now() < end) histogram.recordMs(await trip())
  return { histogram }
}

export const nested: Case = {
  title: 'nested value there and back: records of strings, numbers, lists and maps',
  contenders: fieldOf({ kinds: everyKind, cores: 'one' }),
  sizes: [kSmall, 2 ** 20],
  takes: variantsAt([kSmall]),
  run: measure,
}

// What the product promises, held against one run.
import { type Check, readingOf } from './check.js'
import { batchingChecks } from './checks-batching.js'
import { concurrencyChecks } from './checks-concurrency.js'
import { crossingChecks } from './checks-crossing.js'
import { rivalChecks } from './checks-rivals.js'
import type { Results } from './results.js'

export function checksOf(results: Results): Check[] {
  const reading = readingOf(results)
  return [
    ...crossingChecks(reading),
    ...rivalChecks(results, reading),
    ...concurrencyChecks(reading),
    ...batchingChecks(reading),
  ]
}

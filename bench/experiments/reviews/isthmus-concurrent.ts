// Isthmus: all calls at once, a call for each review; `@isthmus.batch` makes batches of what waits.
import { spawn } from 'isthmus'
import { here } from '../places.js'
import { labelEach } from './texts.js'

await using py = await spawn(here('reviews', 'batching_worker.py'))
await labelEach(
  text => py.call('label', text) as Promise<string>,
  Infinity,
  report => {
    const { items, batches } = py.stats().batches.label!
    report.figure('itemsPerBatch', items / batches)
  },
)

// Isthmus: one call per review, each awaited before the next.
import { spawn } from 'isthmus'
import { here } from '../places.js'
import { labelEach } from './texts.js'

await using py = await spawn(here('reviews', 'worker.py'))
await labelEach(text => py.call('label', text) as Promise<string>, 1)

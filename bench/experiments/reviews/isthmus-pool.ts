// Isthmus: a pool, all calls at once; each goes to whichever worker is free.
import { pool } from 'isthmus'
import { here } from '../places.js'
import { labelEach } from './texts.js'

await using py = await pool(here('reviews', 'worker.py'), { workers: Number(process.argv[2]) })
await labelEach(text => py.call('label', text) as Promise<string>, Infinity)

// A client process: client.js WAY ADDRESS once | warm SECONDS. Its last line on stdout is the result.
import { type Warm, warm } from './measure.js'
import { type Open, readFloats } from './session.js'

/** A client that runs once loads nothing that its own way does not need. */
const ways: Readonly<Record<string, () => Promise<{ readonly open: Open }>>> = {
  fastapi: () => import('./fastapi-session.js'),
  grpc: () => import('./grpc-session.js'),
  isthmus: () => import('./isthmus-session.js'),
  gathered: () => import('./gathered-session.js'),
}

const [way = '', address = '', mode, seconds] = process.argv.slice(2)
const load = ways[way]
if (!load) throw new Error(`no way named ${way}`)
const rows = readFloats('rows.f32')
const session = await (await load()).open(rows, address)
let result: Warm | number
if (mode === 'once') result = await session.one('score', 0)
else result = await warm(session, rows, Number(seconds))
console.log(JSON.stringify(result))
await session.close()

// node build/ts/test/fuzz/fuzz-node.js [seconds] [seed] [folder for findings]
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fuzz } from './guide.js'
import { seeds } from './msgpack-mutator.js'
import { payloads, tryPayload } from './node_decoder.js'

const seconds = Number(process.argv[2] ?? 10)
const seed = Number(process.argv[3] ?? 1)
const folder = process.argv[4] ?? 'build/fuzz/node-decoder'
const watched = /\/dist\/(decode|bigint|from-python|log|payloads)\.js$/
const until = performance.now() + seconds * 1000

try {
  const { executions, kept, missed } = fuzz(
    tryPayload,
    [...seeds, ...payloads],
    url => watched.test(url),
    () => performance.now() < until,
    seed,
  )
  console.log(JSON.stringify({ executions, kept: kept.length, missed, seed }))
} catch (error) {
  const { input, cause } = error as { input?: Uint8Array; cause?: unknown }
  if (input === undefined) throw error
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `finding-${Date.now()}`)
  writeFileSync(file, input)
  console.error(cause, `\nthe input is ${file}: ${Buffer.from(input).toString('hex')}`)
  process.exitCode = 1
}

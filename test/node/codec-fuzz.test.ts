// The same fuzzing as `npm run verify -- decoders`, for as many inputs as take a few seconds.
import t from 'tap'
import { fuzz } from '../fuzz/guide.js'
import { seeds } from '../fuzz/msgpack-mutator.js'
import { payloads, tryPayload } from '../fuzz/node_decoder.js'

const wanted = 20_000

t.test(
  'mutated payloads give a value or a typed error, and reach every line of the decoder',
  async t => {
    const { executions, missed } = fuzz(
      tryPayload,
      [...seeds, ...payloads],
      url => /\/dist\/(decode|bigint|from-python|log)\.js$/.test(url),
      done => done < wanted,
      1,
    )
    t.ok(executions >= wanted, `${executions} inputs`)
    // Texts and integers of 128 MiB and more: codec-malformed.test.ts.
    t.strictSame(
      missed.filter(line => !line.includes('than JavaScript can have')),
      [],
    )
  },
)

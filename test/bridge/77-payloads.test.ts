// Payloads that are wrong in themselves, in messages that are right: the call that they are for has an error, or a value,
// and nothing else of Node notices.
import t from 'tap'
import { oneOf, seeded } from '../fixtures/random.js'
import { mutated, seeds } from '../fuzz/msgpack-mutator.js'
import { payloads } from '../fuzz/node_decoder.js'
import { spawned } from './spawned.js'

const random = seeded(1)
const given = [...seeds, ...payloads]
const wrong = [...given, ...given.map(one => mutated(one, oneOf(random, given), random))].map(one =>
  Buffer.from(one),
)

for (const kind of ['Result', 'Error', 'Progress', 'Call'])
  t.test(`whatever the payload of a ${kind} is, other calls are answered`, async t => {
    const py = await spawned(t, 'payloads.py')
    const calls = wrong.map(payload =>
      py.with({ onProgress: () => {} }).call('answer', kind, payload),
    )
    const ends = await Promise.allSettled(calls)
    const untyped = ends.filter(
      end =>
        end.status === 'rejected' && !/^ERR_/.test((end.reason as { code?: string }).code ?? ''),
    )
    t.strictSame(untyped, [])
    t.equal(ends.length, wrong.length)
    if (kind === 'Error') t.ok(ends.every(end => end.status === 'rejected'))
    t.equal(await py.call('echo', 'still here'), 'still here')
  })

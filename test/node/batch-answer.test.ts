// The answer to a batch comes from another process: nothing in it is taken for granted.
import t from 'tap'
import { Batch, Item } from '#src/batch.js'
import { readBatchAnswer } from '#src/payloads.js'

const words = { type: 'ValueError', message: 'no', traceback: '', notes: [], code: null }

t.test('results, errors by index, and nanoseconds', async t => {
  t.same(readBatchAnswer([[1, null], null, 5], 2), {
    results: [1, null],
    errors: new Map(),
    elapsed: 5,
  })
  t.same(readBatchAnswer([[1, null], [[1, words]], 0], 2).errors, new Map([[1, words]]))
})

t.test('anything else is a protocol error', async t => {
  for (const answer of [
    null,
    7,
    {},
    [],
    [[1, 2]],
    [[1], null, 5],
    [[1, 2, 3], null, 5],
    [{ length: 2 }, null, 5],
    [[1, 2], 7, 5],
    [[1, 2], [7], 5],
    [[1, 2], [[2, words]], 5],
    [[1, 2], [[-1, words]], 5],
    [[1, 2], [[0.5, words]], 5],
    [[1, 2], [['0', words]], 5],
    [[1, 2], null, -1],
    [[1, 2], null, 5n],
    [[1, 2], null, Number.NaN],
    [[1, 2], null, Infinity],
    [[1, 2], null, null],
  ])
    t.throws(() => readBatchAnswer(answer, 2), { code: 'ERR_PROTOCOL' })
})

t.test('a malformed answer rejects every item of its batch', async t => {
  const told: unknown[] = []
  const batch = new Batch({ name: 'f', key: '', capacity: 2, affinity: undefined }, [], {
    answered: () => t.fail('it was not'),
    freed: () => {},
  })
  for (let at = 0; at < 2; at++)
    batch.add(
      new Item(
        { resolve: () => t.fail('no result'), reject: error => told.push(error) },
        undefined,
      ),
      [],
    )
  batch.resolve([[1], null, 5])
  t.match(told, [{ code: 'ERR_PROTOCOL' }, { code: 'ERR_PROTOCOL' }])
})

t.test('words of Python become an error for each item', async t => {
  const told: unknown[] = []
  const batch = new Batch({ name: 'f', key: '', capacity: 2, affinity: undefined }, [], {
    answered: () => {},
    freed: () => {},
  })
  for (let at = 0; at < 2; at++)
    batch.add(new Item({ resolve: () => {}, reject: error => told.push(error) }, undefined), [])
  batch.reject(new Error('of all'), words)
  t.match(told, [{ code: 'ERR_PYTHON' }, { code: 'ERR_PYTHON' }])
  t.not(told[0], told[1])
})

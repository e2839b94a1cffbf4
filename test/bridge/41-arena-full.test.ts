// A memory limit that is reached: a typed error with the numbers, nothing is harmed, and it works again after dispose().
import type { ArenaFullError, Tensor } from 'isthmus'
import t from 'tap'
import { rejection, spawned } from './spawned.js'

const MiB = 2 ** 20
const small = { memory: 32 * MiB, retain: 0 }

function refusal(work: () => unknown): ArenaFullError {
  try {
    work()
  } catch (error) {
    return error as ArenaFullError
  }
  throw new Error('it was not refused')
}

t.test('the limit is reached: the error has the numbers and the holders', async t => {
  const py = await spawned(t, 'arrays.py', small)
  const kept = [10, 6, 4, 1].map(size => py.tensor('uint8', [size * MiB]))
  for (const [at, tensor] of kept.entries()) tensor.data.fill(at + 1)
  const error = refusal(() => py.tensor('uint8', [20 * MiB]))
  t.match(error, {
    name: 'ArenaFullError',
    code: 'ERR_ARENA_FULL',
    requested: 20 * MiB,
    limit: 32 * MiB,
  })
  t.ok(error.used >= 21 * MiB && error.used <= 32 * MiB, `${error.used} in use`)
  t.strictSame(
    error.holders.slice(0, 3).map(({ bytes }) => bytes),
    [10, 6, 4].map(size => size * MiB),
    'the largest first',
  )
  t.match(error.message, 'no shared memory for 21 MB')
  t.match(error.message, 'of 33.6 MB are in use')
  for (const [at, tensor] of kept.entries()) {
    t.equal(tensor.data[0], at + 1, 'earlier tensors are intact')
    t.equal(tensor.at(tensor.size - 1), at + 1)
  }
  kept[0]!.dispose()
  using again = py.tensor('uint8', [20 * MiB])
  t.equal(again.data[0], 0, 'after dispose() it works')
  for (const tensor of kept.slice(1)) tensor.dispose()
})

t.test('a tensor larger than the limit is refused at once, with advice', async t => {
  const py = await spawned(t, 'arrays.py', small)
  const error = refusal(() => py.tensor('float64', [100 * MiB]))
  t.match(error, { code: 'ERR_ARENA_FULL', requested: 800 * MiB })
  t.match(error.message, 'raise `memory`')
})

t.test('typed arrays and payloads that find no memory reject, and the bridge goes on', async t => {
  const py = await spawned(t, 'arrays.py', small)
  const hog = py.tensor('uint8', [30 * MiB])
  const array = await rejection(py.call('echo', new Float64Array(MiB)))
  t.equal(array.code, 'ERR_ARENA_FULL', 'a typed array')
  const text = await rejection(py.call('echo', 'x'.repeat(8 * MiB)))
  t.equal(text.code, 'ERR_ARENA_FULL', 'a message that must go through the arena')
  t.throws(() => hog.copy(), { code: 'ERR_ARENA_FULL' }, 'copy()')
  t.equal(await py.call('echo', 5), 5)
  hog.dispose()
  t.equal(((await py.call('echo', 'x'.repeat(8 * MiB))) as string).length, 8 * MiB)
})

t.test(
  'Python at the limit: numpy goes on in ordinary memory, a result that has no room rejects',
  async t => {
    const py = await spawned(t, 'arrays.py', small)
    const hog = py.tensor('uint8', [30 * MiB])
    t.equal(await py.call('evaluated', 'float(np.ones(2**22).sum())'), 2 ** 22, '32 MiB by itself')
    const error = await rejection<ArenaFullError>(py.call('ones', 2 ** 22))
    t.match(error, { code: 'ERR_ARENA_FULL', limit: 32 * MiB })
    t.equal(await py.call('echo', 1), 1)
    t.equal(hog.data.length, 30 * MiB)
    hog.dispose()
    const result = (await py.call('ones', MiB)) as Tensor
    t.equal(result.size, MiB)
    result.dispose()
  },
)

t.test('garbage instead of dispose(): tensors that nobody holds make room', async t => {
  const py = await spawned(t, 'arrays.py', small)
  for (let round = 0; round < 40; round++) {
    const tensor = py.tensor('uint8', [4 * MiB])
    tensor.data[0] = round
    t.equal(tensor.at(0), round)
    await null // the tensor is not held by this turn any more
  }
})

t.test('garbage of results: views that nobody holds make room for Python', async t => {
  const py = await spawned(t, 'arrays.py', small)
  for (let round = 0; round < 40; round++) {
    const result = (await py.call('ones', MiB)) as Tensor<'float32'>
    t.equal(result.data[MiB - 1], 1)
  }
})

t.test('results that were never looked at are garbage, too', async t => {
  const py = await spawned(t, 'arrays.py', small)
  for (let round = 0; round < 40; round++) await py.call('ones', MiB)
  t.pass('40 results of 4 MiB in 32')
})

t.test('disposed memory is used again: 100 × 8 MiB under a limit of 32', async t => {
  const py = await spawned(t, 'arrays.py', { memory: '32MiB' })
  for (let round = 0; round < 100; round++) {
    using input = py.tensor('float32', [MiB])
    using result = (await py.call('twice', input)) as Tensor<'float32'>
    if (result.data[0] !== 0) t.fail('not zero')
  }
  t.equal(py.stats().copiedBytes, 0)
  t.ok(py.stats().physicalBytes <= 32 * MiB)
})

t.test('a long text finds room that only garbage holds, or says how much it asked for', async t => {
  const source = `
import numpy as np

def text(size):
    return "x" * size

def garbage(size):
    kept = [np.ones(size, np.uint8)]
    kept.append(kept)
`
  const py = await spawned(t, { source }, small)
  ;(() => {
    for (let at = 0; at < 3; at++) py.tensor('uint8', [9 * MiB]).data.fill(1)
  })()
  t.equal(await py.call('text', 'x'.repeat(8 * MiB)).catch(error => error.code), 'ERR_PYTHON')
  await py.call('garbage', 28 * MiB)
  t.equal(((await py.call('text', 8 * MiB)) as string).length, 8 * MiB)
  const error = await rejection<ArenaFullError>(py.call('text', 40 * MiB))
  t.equal(error.code, 'ERR_ARENA_FULL')
  t.ok(error.requested >= 40 * MiB, `${error.requested}`)
})

t.test(
  'what has just arrived and is garbage already is collected before anything is refused',
  async t => {
    const py = await spawned(t, 'arrays.py', small)
    const first = async () => {
      const [large] = (await py.call('evaluated', '[np.full(9 << 20, 3, "u1"), np.ones(3)]')) as [
        Tensor,
        Tensor,
      ]
      return large.data[0]
    }
    t.equal(await first(), 3)
    t.equal(py.stats().views, 1)
    t.throws(() => py.tensor('uint8', [40 * MiB]), { code: 'ERR_ARENA_FULL' })
    t.equal(py.stats().views, 0)
  },
)

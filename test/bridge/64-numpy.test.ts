// Results of numpy are born in shared memory, and what numpy may do to them is harmless. (DESIGN 3.6)
import type { Tensor } from 'isthmus'
import t from 'tap'
import { bridgeFor, call, type Doubles, isRamp, settled } from '../fixtures/bridges.js'

const script = new URL('../fixtures/numpy_results.py', import.meta.url)
const kilo = 1024
const mega = 1024 * kilo

t.test('the result of every large numpy operation crosses without a copy', async t => {
  const py = await bridgeFor(t, script)
  for (const name of await call<string[]>(py, 'names')) {
    const result = await call<Tensor>(py, 'compute', name)
    t.ok(await call(py, 'check', name, result), `${name}: Python finds its own values again`)
    t.equal(py.stats().copiedBytes, 0, `${name}: nothing was copied`)
    result.dispose()
  }
})

t.test('arrays made at import are ordinary memory: returning them is a counted copy', async t => {
  const py = await bridgeFor(t, script)
  t.ok(await call(py, 'import_was_ordinary'))
  t.equal(py.stats().physicalBytes, 0)
  const weights = await call<Tensor<'float32'>>(py, 'give_weights')
  t.equal(py.stats().copiedBytes, 4_000_000)
  t.equal(weights.data.length, 1_000_000)
  t.ok(weights.data.every((value, at) => value === at))
})

t.test(
  'ndarray.resize of a result: longer is filled with zeros, shorter is cut, nothing else changes',
  async t => {
    const py = await bridgeFor(t, script)
    for (const [before, after] of [
      [20_000, 40_000],
      [40_000, 20_000],
      [200_000, 9000],
      [9000, 200_000],
      [100, 50_000],
      [50_000, 100],
      [50_000, 50_001],
    ] as const) {
      const { data } = await call<Doubles>(py, 'resized', before, after)
      const both = Math.min(before, after)
      t.ok(isRamp(data.subarray(0, both), 0, both), `${before} to ${after}: what was there`)
      t.ok(
        data.subarray(both).every(value => value === 0),
        `${before} to ${after}: zeros after it`,
      )
      t.equal(data.length, after)
    }
  },
)

t.test(
  'ndarray.resize of an array that Node looks at: Node still sees what it was given',
  async t => {
    const py = await bridgeFor(t, script)
    const given = await call<Doubles>(py, 'keep_ramp', 50_000)
    const view = given.data
    for (const length of [200_000, 400_000, 30_000, 9000, 100_000]) {
      const resized = await call<Doubles>(py, 'resize_kept', length)
      t.equal(resized.data[8999], 8999)
      await call(py, 'big', 1)
      t.ok(isRamp(view, 0, 50_000), `resized to ${length}`)
      resized.dispose()
    }
  },
)

t.test(
  "ndarray.resize of Node's tensor is refused by numpy: the array does not own its memory",
  async t => {
    const py = await bridgeFor(t, script)
    const own = py.tensor('float64', [10])
    await t.rejects(py.call('resize_argument', own, 20), {
      code: 'ERR_PYTHON',
      type: 'ValueError',
      message: /does not own its (own )?data/,
    })
    t.ok(own.data.every(value => value === 0))
  },
)

t.test('zeros in recycled memory are zeros', async t => {
  const py = await bridgeFor(t, script)
  const isZero = (tensor: Tensor, length: number) => {
    const { data } = tensor as Tensor<'uint8'>
    return data.length === length && data.every(byte => byte === 0)
  }
  for (const length of [100, 70 * kilo, 256 * kilo, mega, mega + kilo, 8 * mega])
    for (const how of ['zeros', 'zeros_like', 'fill', 'bincount', 'isthmus.zeros', 'tensor()']) {
      for (let time = 0; time < 3; time++) {
        ;(await call<Tensor>(py, 'dirty', length)).dispose()
        const own = py.tensor('uint8', [length])
        own.data.fill(0xab)
        own.dispose()
      }
      const zeros =
        how === 'tensor()'
          ? py.tensor('uint8', [length])
          : await call<Tensor>(py, 'zeros', how, length)
      if (how === 'bincount')
        t.equal((zeros as Tensor<'uint8'>).data.indexOf(1), 0, `${how} of ${length}`)
      else t.ok(isZero(zeros, length), `${how} of ${length} bytes`)
      zeros.dispose()
    }
})

t.test(
  'a generator that was created at import and is resumed in a call makes shared arrays',
  async t => {
    const py = await bridgeFor(t, script)
    for (const number of [1, 2, 3]) {
      const result = await call<Doubles>(py, 'next_of_series')
      t.ok(result.data.every(value => value === number))
    }
    t.equal(py.stats().copiedBytes, 0)
  },
)

t.test("arrays from the user's own threads are copied once, counted, and right", async t => {
  const py = await bridgeFor(t, script)
  t.ok(isRamp((await call<Doubles>(py, 'from_thread', 50_000)).data, 0, 50_000))
  t.equal(py.stats().copiedBytes, 400_000)
  t.ok(isRamp((await call<Doubles>(py, 'from_thread_with_allocator', 50_000)).data, 0, 50_000))
  t.equal(py.stats().copiedBytes, 400_000, 'unless the thread turns the allocator on')
  t.ok(isRamp((await call<Doubles>(py, 'without_allocator', 50_000)).data, 0, 50_000))
  t.equal(py.stats().copiedBytes, 800_000, 'and a call may turn it off')
})

t.test(
  'an array that is freed in another thread than it was made in gives its memory back',
  async t => {
    const py = await bridgeFor(t, script, { memory: '64MiB' })
    for (let time = 0; time < 40; time++) await call(py, 'freed_in_thread', mega)
    t.ok(isRamp((await call<Doubles>(py, 'resized', 50_000, 50_000)).data, 0, 50_000))
    t.equal(py.stats().copiedBytes, 0)
  },
)

t.test(
  'a result beyond the budget arrives by copy if it fits at last, otherwise ArenaFullError says the figures',
  async t => {
    const py = await bridgeFor(t, script, { memory: '64MiB' })
    const result = await call<Doubles>(py, 'big_among_others', 48)
    t.equal(py.stats().copiedBytes, 48 * mega, 'it was made in ordinary memory')
    t.ok(result.data.every(value => value === 1.5))
    await t.rejects(py.call('big', 100), {
      code: 'ERR_ARENA_FULL',
      requested: 100 * mega,
      limit: 64 * mega,
    })
    t.ok(
      result.data.every(value => value === 1.5),
      'earlier tensors are intact',
    )
    result.dispose()
    await settled(py, 'nothing is held', stats => stats.borrowedBlocks === 0)
    const next = await call<Doubles>(py, 'big', 48)
    t.equal(py.stats().copiedBytes, 48 * mega, 'and the next one is shared again')
    t.equal(next.data[0], 1.5)
  },
)

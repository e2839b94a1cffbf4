// copiedBytes is the proof: nothing is copied that lies in shared memory, and every copy is counted.
import { type Bridge, Tensor } from 'isthmus'
import t from 'tap'
import { spawned } from './spawned.js'

const py = await spawned(t, 'arrays.py')

/** Bytes copied by some work, in both processes together. */
async function copied(work: () => Promise<unknown>, bridge: Bridge = py): Promise<number> {
  const before = bridge.stats().copiedBytes
  await work()
  return bridge.stats().copiedBytes - before
}

const tensor = async (name: string, ...args: unknown[]) =>
  (await py.call(name, ...args)) as Tensor<'float32'>

t.test('a tensor goes to Python and a result comes back: nothing is copied', async t => {
  using input = py.tensor('float32', [100_000])
  input.data.fill(3)
  const before = py.stats().sharedBytes
  const bytes = await copied(async () => {
    using result = await tensor('twice', input)
    t.equal(result.data[99_999], 6)
  })
  t.equal(bytes, 0)
  t.equal(py.stats().sharedBytes - before, 800_000, 'and both are counted as shared')
})

t.test('slices, transposed views and reshapes of results are not copied', async t => {
  const bytes = await copied(async () => {
    for (const source of [
      'np.ones((300, 300))[10:20]',
      'np.ones((300, 300)).T',
      'np.ones((300, 300))[::-2, 3::7]',
      'np.ones(90000).reshape(3, -1)',
      'np.ones(90000).view(np.int64)',
      'np.ones(45000, complex).real',
      '(np.ones(90000) + 1)[5:]',
      'np.linalg.inv(np.eye(200))',
      'np.sort(np.arange(90000.0))',
      'np.concatenate([np.ones(50000), np.zeros(50000)])',
      'np.random.default_rng(0).normal(size=90000)',
      'np.fft.fft(np.ones(20000))',
    ]) {
      const bytesOfOne = await copied(async () => (await tensor('evaluated', source)).dispose())
      t.equal(bytesOfOne, 0, source)
    }
  })
  t.equal(bytes, 0)
})

t.test('lists and maps of tensors are not copied', async t => {
  using a = py.tensor('float64', [1000])
  using b = py.tensor('float64', [2000])
  const bytes = await copied(async () => {
    const back = (await py.call('echo', { list: [a, [b]], again: a })) as {
      list: [Tensor, [Tensor]]
      again: Tensor
    }
    t.strictSame(back.list[0].shape, [1000])
    t.strictSame(back.list[1][0].shape, [2000])
    for (const one of [back.list[0], back.list[1][0], back.again]) one.dispose()
  })
  t.equal(bytes, 0)
})

t.test('an echo is the same memory: what one writes the other reads', async t => {
  using sent = py.tensor('float32', [50_000])
  using back = await tensor('echo', sent)
  t.not(back, sent)
  back.data[7] = 42
  t.equal(sent.data[7], 42)
  sent.data[49_999] = -1
  t.equal(back.at(49_999), -1)
  t.equal(await py.call('address', sent), await py.call('address', back))
})

t.test('an update in place is seen on both sides, without a result', async t => {
  using shared = py.tensor('int64', [3])
  await py.call('keep', 'shared', shared)
  await py.call('add', shared, 5)
  t.strictSame(shared.data, BigInt64Array.of(5n, 5n, 5n))
  shared.data[1] = 2n ** 62n
  t.equal(await py.call('element', 'shared', 1), 2n ** 62n)
  await py.call('poke', 'shared', 2, -9)
  t.equal(shared.at(2), -9n)
  await py.call('forget', 'shared')
})

t.test(
  'a result passed straight on to Python never becomes an ArrayBuffer, and is not copied',
  async t => {
    const views = py.stats().views
    const bytes = await copied(async () => {
      using first = await tensor('ones', 100_000)
      using second = await tensor('twice', first)
      using third = await tensor('twice', second)
      t.equal(py.stats().views, views)
      t.equal(third.at(0), 4)
    })
    t.equal(bytes, 0)
  },
)

t.test('a result passed back to its owner has no second life', async t => {
  await py.call('evaluated', 'kept.update(mine=np.ones(20000))')
  using mine = (await py.call('kept', 'mine')) as Tensor<'float64'>
  const { borrowedBlocks, leases } = py.stats()
  t.equal(await py.call('address', mine), await py.call('evaluated', "kept['mine'].ctypes.data"))
  using again = (await py.call('echo', mine)) as Tensor<'float64'>
  t.equal(py.stats().borrowedBlocks, borrowedBlocks, 'one block, whatever it is called')
  t.equal(py.stats().leases, leases, 'its owner needs no lease')
  again.data[5] = 8
  t.equal(mine.data[5], 8)
  t.equal(await py.call('element', 'mine', 5), 8)
  await py.call('forget', 'mine')
})

t.test('each way of copying is counted, to the byte', async t => {
  const echoed = async (value: unknown) => {
    const result = await py.call('echo', value)
    for (const one of [result].flat(3)) if (one instanceof Tensor) one.dispose()
  }
  t.equal(await copied(() => echoed(new Float32Array(1000))), 4000, 'a typed array of the JS heap')
  t.equal(await copied(() => echoed(new BigUint64Array(3))), 24, 'another')
  t.equal(
    await copied(() => echoed([new Float64Array(10), [new Int8Array(3), new Int16Array(2)]])),
    87,
    'a list of arrays: the sum',
  )
  t.equal(await copied(() => echoed(Buffer.alloc(5000))), 0, 'bytes are no arrays')
  t.equal(await copied(() => echoed(new Float64Array(0))), 0, 'nothing')
  t.equal(
    await copied(async () => py.tensor.from([1, 2, 3]).dispose()),
    0,
    'elements written in place',
  )
  t.equal(
    await copied(async () => py.tensor.from(new Float32Array(6)).dispose()),
    24,
    'tensor.from(typed array)',
  )
})

t.test('arrays of Python that are not in shared memory are copied once, and counted', async t => {
  const made = (source: string) => async () => {
    const result = await py.call('evaluated', source)
    for (const one of [result].flat(3)) (one as Tensor).dispose()
  }
  t.equal(await copied(made('np.ones(10)')), 80, 'less than 64 KiB')
  t.equal(await copied(made('np.ones(8191)')), 65_528, 'the last that is copied')
  t.equal(await copied(made('np.ones(8192)')), 0, 'the first that is not')
  t.equal(await copied(made('[np.ones(10), [np.zeros(5, np.int8)]]')), 85, 'a list: the sum')
  t.equal(await copied(made('np.frombuffer(bytes(100000), np.uint8)')), 100_000, "bytes' memory")
  t.equal(
    await copied(made('np.frombuffer(bytes(100000), np.uint8)[::2]')),
    50_000,
    'only a view of it',
  )
  t.equal(
    await copied(async () => (await tensor('from_thread', 10_000)).dispose()),
    80_000,
    "a user's thread",
  )
})

t.test('copy() is counted, and is a tensor of its own', async t => {
  using original = py.tensor('float32', [1000])
  let copy: Tensor<'float32'> | undefined
  const bytes = await copied(async () => {
    copy = original.copy()
  })
  t.equal(bytes, 4000)
  copy!.data[0] = 1
  t.equal(original.data[0], 0)
  copy!.dispose()
})

t.test('when everything is given up, nothing is left in use', async t => {
  await py.call('evaluated', '__import__("gc").collect()')
  await py.call('echo', null)
  t.match(py.stats(), { ownBlocks: 0, ownBytes: 0, borrowedBlocks: 0, borrowedBytes: 0, leases: 0 })
})

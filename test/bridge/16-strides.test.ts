// Arrays that are not in C order arrive as what they are; tensors are sliced and reshaped without a copy.
import type { Tensor } from 'isthmus'
import t from 'tap'
import { rejection, spawned } from './spawned.js'

const py = await spawned(t, 'arrays.py')
/** 200 × 100 doubles: large enough to be made in shared memory. Element [i, j] is 100 i + j. */
const base = 'np.arange(20000.0).reshape(200, 100)'
const made = async (source: string) => (await py.call('evaluated', source)) as Tensor<'float64'>

t.test(
  'a transposed array: strides of numpy, at() by axis, data refused, copy() in C order',
  async t => {
    using tensor = await made(`${base}.T`)
    t.strictSame(
      [tensor.shape, tensor.strides],
      [
        [100, 200],
        [8, 800],
      ],
    )
    t.equal(tensor.isContiguous, false)
    t.equal(tensor.at(3, 7), 703)
    t.equal(tensor.at(-1, -2), 19899)
    t.throws(() => tensor.data, { name: 'NotContiguousError', code: 'ERR_NOT_CONTIGUOUS' })
    t.throws(() => tensor.reshape([20000]), { code: 'ERR_NOT_CONTIGUOUS' })
    using copy = tensor.copy()
    t.ok(copy.isContiguous)
    t.strictSame([...copy.data.subarray(0, 3)], [0, 100, 200])
    t.equal(copy.data[200 * 3 + 7], 703)
    t.equal(py.stats().worker.copiedBytes, 0, 'Python did not copy')
  },
)

t.test('slices, steps and negative strides are views of what lies there', async t => {
  using rows = await made(`${base}[10:20]`)
  t.ok(rows.isContiguous)
  t.strictSame([rows.shape, rows.data.length, rows.data[0]], [[10, 100], 1000, 1000])
  using columns = await made(`${base}[:, 5:8]`)
  t.strictSame([columns.shape, columns.strides, columns.isContiguous], [[200, 3], [800, 8], false])
  t.equal(columns.at(4, 2), 407)
  using steps = await made(`${base}[::50, ::-25]`)
  t.strictSame(
    [steps.shape, steps.strides],
    [
      [4, 4],
      [40000, -200],
    ],
  )
  t.equal(steps.at(1, 0), 5099)
  t.equal(steps.at(1, 3), 5024)
  using copy = steps.copy()
  t.strictSame([...copy.data.subarray(0, 5)], [99, 74, 49, 24, 5099])
  using reversed = await made(`${base}[::-1, ::-1]`)
  t.equal(reversed.at(0, 0), 19999)
  t.equal(reversed.at(199, 99), 0)
  using whole = reversed.copy()
  t.strictSame([whole.data[0], whole.data[19999]], [19999, 0])
  t.equal(py.stats().worker.copiedBytes, 0, 'Python did not copy')
})

t.test('Fortran order, broadcast axes and 4-d views', async t => {
  using fortran = await made(`np.asfortranarray(${base})`)
  t.strictSame([fortran.strides, fortran.isContiguous], [[8, 1600], false])
  t.equal(fortran.at(2, 5), 205)
  using broadcast = await made(`np.broadcast_to(${base}[0], (3, 100))`)
  t.strictSame(
    [broadcast.shape, broadcast.strides],
    [
      [3, 100],
      [0, 8],
    ],
  )
  t.equal(broadcast.at(2, 9), 9)
  using copy = broadcast.copy()
  t.strictSame([copy.data[9], copy.data[109], copy.data[209]], [9, 9, 9])
  using moved = await made(`${base}.reshape(2, 100, 4, 25).transpose(3, 0, 2, 1)[::2, :, 1:]`)
  t.strictSame(
    [moved.shape, moved.strides],
    [
      [13, 2, 3, 100],
      [16, 80000, 200, 800],
    ],
  )
  t.equal(moved.at(1, 1, 0, 2), 2 + 10000 + 25 + 200)
})

t.test('a strided tensor goes back to Python as the same view', async t => {
  using view = await made(`kept.setdefault('view', ${base})[5::2, ::-3]`)
  t.strictSame(await py.call('describe', view), {
    type: 'ndarray',
    dtype: 'float64',
    shape: [98, 34],
    strides: [1600, -24],
    contiguous: false,
    writeable: true,
    aligned: true,
  })
  t.equal(await py.call('same', view, "kept['view'][5::2, ::-3]"), true)
  await py.call('add', view, 0.5)
  t.equal(view.at(0, 0), 599.5)
  t.equal(await py.call('element', 'view', 599), 599.5)
})

t.test('other byte orders and unaligned arrays are converted, and counted as copied', async t => {
  let copied = py.stats().copiedBytes
  for (const source of [
    "np.arange(3, dtype='>f8')",
    "np.arange(30000, dtype='>f8')[:3]",
    "np.frombuffer(b'x' + np.arange(3.0).tobytes(), 'f8', offset=1)",
  ]) {
    using tensor = await made(source)
    t.equal(tensor.dtype, 'float64')
    t.strictSame(tensor.data, Float64Array.of(0, 1, 2), source)
    copied += 24
    t.equal(py.stats().copiedBytes, copied)
  }
  using times = (await py.call('evaluated', "np.array([1, 2], '>M8[ms]')")) as Tensor
  t.strictSame([times.dtype, times.data], ['datetime64[ms]', BigInt64Array.of(1n, 2n)])
})

t.test(
  'a read-only array arrives; Python sees its own array again as it sees shared memory',
  async t => {
    await py.call('evaluated', `kept.update(fixed=${base})`)
    await py.call('evaluated', "kept['fixed'].setflags(write=False)")
    using fixed = (await py.call('kept', 'fixed')) as Tensor<'float64'>
    t.equal(fixed.at(1, 1), 101)
    t.equal(fixed.data[101], 101)
  },
)

t.test('at() checks the number of indices and each of them', async t => {
  using tensor = py.tensor('float32', [2, 3])
  tensor.data.set([0, 1, 2, 3, 4, 5])
  t.equal(tensor.at(1, 2), 5)
  t.equal(tensor.at(-2, -3), 0)
  for (const indices of [[], [0], [0, 0, 0], [2, 0], [0, 3], [-3, 0], [0.5, 0], [Number.NaN, 0]])
    t.throws(() => tensor.at(...indices), { name: 'ShapeError', code: 'ERR_SHAPE' }, `[${indices}]`)
})

t.test('reshape: the same bytes, one length may be left open', async t => {
  using tensor = py.tensor('int16', [2, 6])
  tensor.data.set(Array.from({ length: 12 }, (_, index) => index))
  for (const [shape, result] of [
    [[12], [12]],
    [
      [3, -1],
      [3, 4],
    ],
    [[-1], [12]],
    [
      [1, 12, 1],
      [1, 12, 1],
    ],
    [
      [2, 3, 2],
      [2, 3, 2],
    ],
  ] as const) {
    using other = tensor.reshape(shape)
    t.strictSame(other.shape, result)
    other.data[0] = 99
    t.equal(tensor.data[0], 99, 'no copy')
    tensor.data[0] = 0
    t.match(await py.call('describe', other), { shape: result })
  }
  for (const shape of [[5], [5, -1], [-1, -1], [-2, 6], [2.4, 5], [], [0, -1]])
    t.throws(() => tensor.reshape(shape), { code: 'ERR_SHAPE' }, `[${shape}]`)
  using none = py.tensor('int8', [0, 3])
  using other = none.reshape([3, 0])
  t.strictSame(other.shape, [3, 0])
})

t.test('subarray: rows without a copy, clamped like those of typed arrays', async t => {
  using tensor = py.tensor('float64', [4, 2])
  tensor.data.set([0, 1, 2, 3, 4, 5, 6, 7])
  for (const [begin, end] of [
    [1, 3],
    [-1, undefined],
    [0, 0],
    [3, 1],
    [-100, 100],
    [2, undefined],
    [1, -1],
  ] as const) {
    using rows = tensor.subarray(begin, end)
    const expected = [0, 1, 2, 3].slice(begin, end).flatMap(row => [2 * row, 2 * row + 1])
    t.strictSame([...rows.data], expected, `subarray(${begin}, ${end})`)
    t.strictSame(
      await py.call('texts', rows),
      expected.map(value => `${value}.0`),
    )
  }
  using first = tensor.subarray(1, 2)
  first.data[0] = -1
  t.equal(tensor.at(1, 0), -1)
  tensor.dispose()
  t.equal(first.at(0, 0), -1, 'lives on by itself')
  using scalar = py.tensor('int8', [])
  t.throws(() => scalar.subarray(0), { code: 'ERR_SHAPE' })
  using strided = await made(`${base}.T`)
  using part = strided.subarray(10, 12)
  t.strictSame([part.shape, part.strides, part.at(1, 3)], [[2, 200], [8, 800], 311])
})

t.test('arrays with more axes than numpy has are refused, with 64 they cross', async t => {
  using deep = py.tensor('int8', new Array(64).fill(1))
  t.equal(((await py.call('describe', deep)) as { shape: number[] }).shape.length, 64)
  t.throws(() => py.tensor('int8', new Array(65).fill(1)), { code: 'ERR_SHAPE' })
  const error = await rejection(py.call('evaluated', 'np.zeros((1,) * 65)'))
  t.equal(error.code, 'ERR_PYTHON')
})

t.test('the copy of a row of a strided tensor has the strides of its own elements', async t => {
  using columns = await made(`${base}[:, 5:8]`)
  using row = columns.subarray(1, 2)
  t.strictSame([row.isContiguous, row.strides], [true, [800, 8]])
  using copy = row.copy()
  t.strictSame(
    [copy.shape, copy.strides, [...copy.data]],
    [
      [1, 3],
      [24, 8],
      [105, 106, 107],
    ],
  )
})

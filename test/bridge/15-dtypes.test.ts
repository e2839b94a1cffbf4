// Every dtype in both directions, with the values looked at on both sides.
import { type DType, Tensor, type TypedArray } from 'isthmus'
import t from 'tap'
import { rejection, spawned } from './spawned.js'

const py = await spawned(t, 'arrays.py')

interface Row {
  dtype: DType
  /** Elements as a typed array of Node's. */
  data: TypedArray
  /** The same as Python prints them. */
  texts: string[]
  /** The same as at() gives them. */
  elements: unknown[]
}

const big64 = [-(2n ** 63n), -(2n ** 53n) - 1n, 0n, 2n ** 53n + 1n, 2n ** 63n - 1n]
const rows: Row[] = [
  row('bool', Uint8Array.of(0, 1), ['False', 'True'], [false, true]),
  integers('int8', Int8Array.of(-128, -1, 0, 127)),
  integers('int16', Int16Array.of(-32768, -1, 0, 32767)),
  integers('int32', Int32Array.of(-(2 ** 31), -1, 0, 2 ** 31 - 1)),
  integers('int64', BigInt64Array.from(big64)),
  integers('uint8', Uint8Array.of(0, 1, 255)),
  integers('uint16', Uint16Array.of(0, 1, 65535)),
  integers('uint32', Uint32Array.of(0, 1, 2 ** 32 - 1)),
  integers('uint64', BigUint64Array.of(0n, 2n ** 53n + 1n, 2n ** 64n - 1n)),
  row(
    'float32',
    Float32Array.of(0.5, -0, 1e30),
    ['0.5', '-0.0', '1e+30'],
    [0.5, -0, Math.fround(1e30)],
  ),
  row('float32', Float32Array.of(Number.NaN, -Infinity), ['nan', '-inf'], [Number.NaN, -Infinity]),
  row(
    'float64',
    Float64Array.of(0.1, 5e-324, 1.7976931348623157e308),
    ['0.1', '5e-324', '1.7976931348623157e+308'],
    [0.1, 5e-324, 1.7976931348623157e308],
  ),
  row(
    'complex64',
    Float32Array.of(1, -2, 0.5, 0),
    ['(1-2j)', '(0.5+0j)'],
    [
      [1, -2],
      [0.5, 0],
    ],
  ),
  row(
    'complex128',
    Float64Array.of(0.1, 0.2, -1, 3),
    ['(0.1+0.2j)', '(-1+3j)'],
    [
      [0.1, 0.2],
      [-1, 3],
    ],
  ),
]

function row(dtype: DType, data: TypedArray, texts: string[], elements: unknown[]): Row {
  return { dtype, data, texts, elements }
}

function integers(dtype: DType, data: Exclude<TypedArray, Float32Array | Float64Array>): Row {
  const elements = [...(data as Iterable<number | bigint>)]
  return { dtype, data, texts: elements.map(String), elements }
}

t.test('every dtype, Node to Python: numpy has the dtype and the values', async t => {
  for (const { dtype, data, texts } of rows) {
    using tensor = py.tensor.from(data, { dtype })
    t.equal(tensor.dtype, dtype)
    t.match(await py.call('describe', tensor), { type: 'ndarray', dtype, writeable: true }, dtype)
    t.strictSame(await py.call('texts', tensor), texts, `${dtype} is seen by Python`)
  }
})

t.test('every dtype, Python to Node: data and at() have the values', async t => {
  for (const { dtype, data, texts, elements } of rows) {
    const source = dtype === 'bool' ? texts.map(text => (text === 'True' ? 1 : 0)) : texts
    using tensor = (await py.call('parsed', source, dtype)) as Tensor
    t.equal(tensor.dtype, dtype)
    t.equal(tensor.data.constructor, data.constructor, `${dtype} is a ${data.constructor.name}`)
    t.strictSame(tensor.data, data, `${dtype} has the values`)
    const length = tensor.size
    t.strictSame(
      Array.from({ length }, (_, index) => tensor.at(index)),
      elements,
      `${dtype} through at()`,
    )
  }
})

t.test('plain typed arrays have their dtype in numpy', async t => {
  const pairs: [TypedArray, string][] = [
    [new Int8Array(2), 'int8'],
    [new Uint8Array(2), 'uint8'],
    [new Uint8ClampedArray(2), 'uint8'],
    [new Int16Array(2), 'int16'],
    [new Uint16Array(2), 'uint16'],
    [new Int32Array(2), 'int32'],
    [new Uint32Array(2), 'uint32'],
    [new BigInt64Array(2), 'int64'],
    [new BigUint64Array(2), 'uint64'],
    [new Float32Array(2), 'float32'],
    [new Float64Array(2), 'float64'],
  ]
  for (const [array, dtype] of pairs)
    t.match(await py.call('describe', array), { dtype, shape: [2], contiguous: true })
  const part = new Float64Array([1, 2, 3, 4]).subarray(1, 3)
  t.strictSame(await py.call('texts', part), ['2.0', '3.0'], 'a part of a buffer is that part')
})

t.test(
  'float16: Float16Array where Node has it, its bits otherwise; at() gives numbers',
  async t => {
    const source = 'np.array([1.5, -0.0, 65504, 6e-8, np.inf, np.nan], np.float16)'
    using tensor = (await py.call('evaluated', source)) as Tensor<'float16'>
    t.equal(tensor.dtype, 'float16')
    const { Float16Array } = globalThis as { Float16Array?: new (buffer: ArrayBuffer) => object }
    t.equal(tensor.data.constructor, Float16Array ?? Uint16Array)
    t.strictSame(
      new Uint16Array(tensor.data.buffer),
      Uint16Array.of(0x3e00, 0x8000, 0x7bff, 1, 0x7c00, 0x7e00),
    )
    t.strictSame(
      [0, 1, 2, 3, 4, 5].map(index => tensor.at(index)),
      [1.5, -0, 65504, 2 ** -24, Infinity, Number.NaN],
    )
    t.strictSame(await py.call('texts', tensor), ['1.5', '-0.0', '6.55e+04', '6e-08', 'inf', 'nan'])
    using made = py.tensor('float16', [2])
    new Uint16Array(made.data.buffer).set([0x3c00, 0xc000])
    t.strictSame(await py.call('texts', made), ['1.0', '-2.0'])
    if (Float16Array === undefined) return
    const own = new Float16Array(Uint16Array.of(0x3c00, 0xc000).buffer) as TypedArray
    t.strictSame(await py.call('texts', own), ['1.0', '-2.0'], 'as an argument')
    t.strictSame(await py.call('texts', py.tensor.from(own)), ['1.0', '-2.0'], 'in from()')
  },
)

t.test(
  'bfloat16: the bits in Node, numbers through at(); uint16 in a numpy without ml_dtypes',
  async t => {
    using tensor = py.tensor('bfloat16', [4])
    tensor.data.set([0x3f80, 0xc000, 0x7f80, 0x7fc0])
    t.strictSame(
      [0, 1, 2, 3].map(index => tensor.at(index)),
      [1, -2, Infinity, Number.NaN],
    )
    const { dtype } = (await py.call('describe', tensor)) as { dtype: string }
    t.ok(['uint16', 'bfloat16'].includes(dtype), dtype)
    if (dtype === 'uint16')
      t.strictSame(await py.call('texts', tensor), ['16256', '49152', '32640', '32704'])
  },
)

t.test('datetime64 and timedelta64 cross with their unit, and so does NaT', async t => {
  for (const unit of [
    'Y',
    'M',
    'W',
    'D',
    'h',
    'm',
    's',
    'ms',
    'us',
    'ns',
    'ps',
    'fs',
    'as',
  ] as const) {
    for (const kind of ['datetime64', 'timedelta64'] as const) {
      const dtype = `${kind}[${unit}]` as const
      const made = `np.array([-3, 0, 7, -2**63]).astype('${dtype}')`
      using received = (await py.call('evaluated', made)) as Tensor
      t.equal(received.dtype, dtype)
      t.strictSame(received.data, BigInt64Array.of(-3n, 0n, 7n, -(2n ** 63n)), dtype)
      t.equal(received.at(2), 7n)
      using sent = py.tensor(dtype, [3])
      sent.data.set([-3n, 0n, 7n])
      const expected = `np.array([-3, 0, 7]).astype('${dtype}')`
      t.equal(await py.call('same', sent, expected), true, `${dtype} in Python`)
    }
  }
  using generic = (await py.call('evaluated', "np.array([5]).astype('m8')")) as Tensor
  t.equal(generic.dtype, 'timedelta64')
  t.equal(generic.at(0), 5n)
  t.equal(await py.call('same', generic, "np.array([5]).astype('m8')"), true)
  using multiple = (await py.call('evaluated', "np.array([2, 3]).astype('M8[25s]')")) as Tensor
  t.equal(multiple.dtype, 'datetime64[s]', 'multiples of a unit are converted')
  t.strictSame(multiple.data, BigInt64Array.of(50n, 75n))
})

t.test('a Date is a value, not an array', async t => {
  const date = new Date(1e12)
  t.strictSame(await py.call('echo', date), date)
})

t.test('0-d tensors have one element and no axes', async t => {
  using scalar = py.tensor('float64', [])
  t.match(scalar, { shape: [], strides: [], size: 1, byteLength: 8, isContiguous: true })
  scalar.data[0] = 2.5
  t.equal(scalar.at(), 2.5)
  t.match(await py.call('describe', scalar), { shape: [], dtype: 'float64' })
  t.strictSame(await py.call('texts', scalar), ['2.5'])
  using back = (await py.call('evaluated', 'np.array(7, np.int64)')) as Tensor
  t.ok(back instanceof Tensor)
  t.strictSame(back.shape, [])
  t.equal(back.at(), 7n)
  using from = py.tensor.from(3)
  t.strictSame([from.dtype, from.shape, from.at()], ['float64', [], 3])
})

t.test('empty arrays keep dtype and shape', async t => {
  for (const shape of [[0], [0, 3], [3, 0], [2, 0, 4]]) {
    using empty = py.tensor('int32', shape)
    t.match(empty, { shape, size: 0, byteLength: 0, isContiguous: true })
    t.equal(empty.data.length, 0)
    t.match(await py.call('describe', empty), { shape, dtype: 'int32' }, `[${shape}] to Python`)
    using back = (await py.call('echo', empty)) as Tensor
    t.strictSame([back.shape, back.dtype, back.data.length], [shape, 'int32', 0])
    using made = (await py.call('evaluated', `np.zeros(${JSON.stringify(shape)}, 'c8')`)) as Tensor
    t.strictSame([made.shape, made.dtype, made.data.length], [shape, 'complex64', 0])
  }
  t.strictSame(((await py.call('echo', new Float32Array(0))) as Tensor).shape, [0])
  const sliced = (await py.call('evaluated', 'np.ones((40000, 2))[5:5, ::-1]')) as Tensor
  t.strictSame([sliced.shape, sliced.size, sliced.data.length], [[0, 2], 0, 0])
})

t.test('arrays of objects, strings, records and long doubles are refused by name', async t => {
  const sources = [
    'np.array([{}, 1], dtype=object)',
    "np.array(['a', 'bc'])",
    "np.array([b'a'])",
    "np.zeros(2, 'i4,f8')",
    'np.zeros(2, np.longdouble)',
    "np.zeros(2, 'V3')",
  ]
  for (const source of sources) {
    const error = await rejection<Error & { path: string }>(py.call('evaluated', source))
    t.match(error, { name: 'ValueTypeError', code: 'ERR_VALUE', path: 'result' }, source)
    const inside = await rejection(py.call('evaluated', `{'rows': [0, {'mask': ${source}}]}`))
    t.match(inside, { code: 'ERR_VALUE', path: 'result.rows[1].mask' }, `${source}, nested`)
    t.match(inside.message, /result\.rows\[1\]\.mask/)
  }
  t.strictSame(await py.call('texts', Int8Array.of(1)), ['1'], 'the worker goes on')
})

import t from 'tap'
import {
  type DType,
  dtypeFromWire,
  dtypeInfo,
  dtypeNames,
  dtypeOf,
  type TypedArrayOf,
} from '#src/dtypes.js'

t.test('every dtype is found by name and by its numbers on the wire', async t => {
  t.equal(dtypeNames.length, 15 + 2 * 14)
  for (const name of dtypeNames) {
    const info = dtypeInfo(name)
    t.equal(info.name, name)
    t.equal(dtypeFromWire(info.code, info.bits, info.unit), info)
    t.equal(info.array.BYTES_PER_ELEMENT * info.entries, info.itemsize)
    t.equal(info.bits, info.itemsize * 8)
  }
})

t.test('the numbers on the wire are those of schema/message.fbs', async t => {
  const row = (name: DType) => {
    const { code, bits, unit, entries, array } = dtypeInfo(name)
    return [code, bits, unit, entries, array.name]
  }
  t.strictSame(row('bool'), [6, 8, 0, 1, 'Uint8Array'])
  t.strictSame(row('int64'), [0, 64, 0, 1, 'BigInt64Array'])
  t.strictSame(row('uint64'), [1, 64, 0, 1, 'BigUint64Array'])
  t.strictSame(row('bfloat16'), [4, 16, 0, 1, 'Uint16Array'])
  t.strictSame(row('complex64'), [5, 64, 0, 2, 'Float32Array'])
  t.strictSame(row('complex128'), [5, 128, 0, 2, 'Float64Array'])
  t.strictSame(row('datetime64[D]'), [128, 64, 4, 1, 'BigInt64Array'])
  t.strictSame(row('timedelta64[ns]'), [129, 64, 10, 1, 'BigInt64Array'])
  t.strictSame(row('timedelta64'), [129, 64, 14, 1, 'BigInt64Array'])
})

t.test('float16 is Float16Array where there is one', async t => {
  const there = 'Float16Array' in globalThis
  t.equal(dtypeInfo('float16').array.name, there ? 'Float16Array' : 'Uint16Array')
})

t.test('unknown numbers have no dtype', async t => {
  t.equal(dtypeFromWire(2, 80, 0), undefined)
  t.equal(dtypeFromWire(0, 8, 1), undefined)
  t.equal(dtypeFromWire(128, 64, 3), undefined)
})

t.test('a typed array has the dtype of its elements', async t => {
  t.equal(dtypeOf(new Float32Array(1)), 'float32')
  t.equal(dtypeOf(new Uint8ClampedArray(1)), 'uint8')
  t.equal(dtypeOf(Buffer.alloc(1)), 'uint8')
  t.equal(dtypeOf(new BigUint64Array(1)), 'uint64')
  t.equal(dtypeOf(new (class Mine extends Int16Array {})(1)), 'int16')
})

t.test('an unknown name says which was probably meant', async t => {
  const message = (name: unknown) => {
    try {
      dtypeInfo(name as DType)
    } catch (error) {
      return (error as Error).message
    }
    return 'no error'
  }
  t.throws(() => dtypeInfo('float' as DType), { code: 'ERR_DTYPE' })
  t.match(message('flaot32'), /did you mean 'float32'/)
  t.match(message('<f4'), /did you mean 'float32'/)
  t.match(message('double'), /did you mean 'float64'/)
  t.match(message('datetime64[nanoseconds]'), /unknown dtype/)
  t.match(message('object'), /pass a list/)
  t.match(message('quaternion'), /it is one of bool, int8/)
  t.match(message('constructor'), /unknown dtype/)
  t.match(message(undefined), /not undefined/)
  t.match(message(null), /not null/)
})

t.test('the array of a dtype is known to the compiler', async t => {
  const data: Float32Array = new (dtypeInfo('float32').array)(3)
  const times: BigInt64Array = new (dtypeInfo('datetime64[us]').array)(2)
  const flags: TypedArrayOf<'bool'> = new Uint8Array(1)
  // @ts-expect-error: int64 has no Float64Array
  const wrong: Float64Array = new (dtypeInfo('int64').array)(1)
  t.strictSame([data.length, times.length, flags.length, wrong.length], [3, 2, 1, 1])
})

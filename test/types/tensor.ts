import { type Bridge, type DType, Tensor, type TimeDType, type TypedArrayOf } from 'isthmus'
import { expectType } from './expect-type.js'

export function data() {
  expectType<Tensor<'bool'>['data']>().is<Uint8Array<ArrayBuffer>>()
  expectType<Tensor<'int8'>['data']>().is<Int8Array<ArrayBuffer>>()
  expectType<Tensor<'int16'>['data']>().is<Int16Array<ArrayBuffer>>()
  expectType<Tensor<'int32'>['data']>().is<Int32Array<ArrayBuffer>>()
  expectType<Tensor<'int64'>['data']>().is<BigInt64Array<ArrayBuffer>>()
  expectType<Tensor<'uint8'>['data']>().is<Uint8Array<ArrayBuffer>>()
  expectType<Tensor<'uint16'>['data']>().is<Uint16Array<ArrayBuffer>>()
  expectType<Tensor<'uint32'>['data']>().is<Uint32Array<ArrayBuffer>>()
  expectType<Tensor<'uint64'>['data']>().is<BigUint64Array<ArrayBuffer>>()
  expectType<Tensor<'float32'>['data']>().is<Float32Array<ArrayBuffer>>()
  expectType<Tensor<'float64'>['data']>().is<Float64Array<ArrayBuffer>>()
  expectType<Tensor<'bfloat16'>['data']>().is<Uint16Array<ArrayBuffer>>()
  expectType<Tensor<'complex64'>['data']>().is<Float32Array<ArrayBuffer>>()
  expectType<Tensor<'complex128'>['data']>().is<Float64Array<ArrayBuffer>>()
  expectType<Tensor<'datetime64[ns]'>['data']>().is<BigInt64Array<ArrayBuffer>>()
  expectType<TypedArrayOf<'timedelta64'>>().is<BigInt64Array<ArrayBuffer>>()
}

export function elements() {
  expectType<ReturnType<Tensor<'float32'>['at']>>().is<number>()
  expectType<ReturnType<Tensor<'int64'>['at']>>().is<bigint>()
  expectType<ReturnType<Tensor<'bool'>['at']>>().is<boolean>()
  expectType<ReturnType<Tensor<'datetime64[D]'>['at']>>().is<bigint>()
  type Complex = readonly [real: number, imaginary: number]
  expectType<ReturnType<Tensor<'complex128'>['at']>>().is<Complex>()
}

export function making(py: Bridge) {
  const made = py.tensor('int16', [2, 3])
  expectType(made).is<Tensor<'int16'>>()
  expectType(made.dtype).is<'int16'>()
  expectType(made.shape).is<readonly number[]>()
  expectType(made.strides).is<readonly number[]>()
  expectType(made.reshape([6])).is<Tensor<'int16'>>()
  expectType(made.subarray(0, 1)).is<Tensor<'int16'>>()
  expectType(made.copy()).is<Tensor<'int16'>>()
  expectType(py.tensor.from([1, 2], { dtype: 'float32' })).is<Tensor<'float32'>>()
  expectType<Tensor['dtype']>().is<DType>()
  const time: TimeDType = 'timedelta64[ms]'
  const dtype: DType = time
  py.tensor(dtype, [1], { uninitialized: true })
  // @ts-expect-error: no such dtype
  py.tensor('float', [1])
  // @ts-expect-error: no such unit
  py.tensor('datetime64[weeks]', [1])
  // @ts-expect-error: a shape is a list
  py.tensor('float32', 3)
  // @ts-expect-error: no such option
  py.tensor('float32', [1], { zeroed: true })
  // @ts-expect-error: tensors are made by a bridge
  new Tensor('float32', [1])
  // @ts-expect-error: shape does not change
  made.shape = [6]
  // @ts-expect-error: nor do its lengths
  made.shape[0] = 6
  // @ts-expect-error: an array of 16-bit integers holds no bigints
  made.data[0] = 1n
  const disposable: Disposable = made
  return disposable
}

// One element of a tensor as a JavaScript value.
import type { DType, DTypeInfo } from './dtypes.js'

/** What `Tensor.at` gives for a dtype. */
export type Element<D extends DType> = D extends 'bool'
  ? boolean
  : D extends 'complex64' | 'complex128'
    ? readonly [real: number, imaginary: number]
    : D extends 'int64' | 'uint64' | `datetime64${string}` | `timedelta64${string}`
      ? bigint
      : number

type Read = (view: DataView, at: number) => unknown

const readers: Record<string, Read> = {
  bool: (view, at) => view.getUint8(at) !== 0,
  int8: (view, at) => view.getInt8(at),
  int16: (view, at) => view.getInt16(at, true),
  int32: (view, at) => view.getInt32(at, true),
  int64: (view, at) => view.getBigInt64(at, true),
  uint8: (view, at) => view.getUint8(at),
  uint16: (view, at) => view.getUint16(at, true),
  uint32: (view, at) => view.getUint32(at, true),
  uint64: (view, at) => view.getBigUint64(at, true),
  float16: (view, at) => halfToNumber(view.getUint16(at, true)),
  bfloat16: (view, at) => bfloatToNumber(view.getUint16(at, true)),
  float32: (view, at) => view.getFloat32(at, true),
  float64: (view, at) => view.getFloat64(at, true),
  complex64: (view, at) => [view.getFloat32(at, true), view.getFloat32(at + 4, true)],
  complex128: (view, at) => [view.getFloat64(at, true), view.getFloat64(at + 8, true)],
}

export function readElement<D extends DType>(
  info: DTypeInfo<D>,
  view: DataView,
  at: number,
): Element<D> {
  const read = readers[info.name] ?? readers.int64! // the rest are times
  return read(view, at) as Element<D>
}

/** IEEE 754 binary16. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  if (exponent === 0) return sign * fraction * 2 ** -24
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

const scratch = new DataView(new ArrayBuffer(4))

/** The upper half of a binary32. */
function bfloatToNumber(bits: number): number {
  scratch.setUint32(0, bits << 16)
  return scratch.getFloat32(0)
}

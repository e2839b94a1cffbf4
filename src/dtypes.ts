import { unknownDType } from './dtype-names.js'
import { DTypeError } from './errors.js'

/** Units of datetime64 and timedelta64, numbered as in numpy. */
const units = {
  Y: 0,
  M: 1,
  W: 2,
  D: 4,
  h: 5,
  m: 6,
  s: 7,
  ms: 8,
  us: 9,
  ns: 10,
  ps: 11,
  fs: 12,
  as: 13,
} as const
const genericUnit = 14

export type TimeUnit = keyof typeof units
/** Without a unit (`datetime64`) it is what numpy calls generic. */
export type TimeDType = `${'datetime64' | 'timedelta64'}${'' | `[${TimeUnit}]`}`

type Float16Data = typeof globalThis extends { Float16Array: { readonly prototype: infer T } }
  ? T | Uint16Array<ArrayBuffer>
  : Uint16Array<ArrayBuffer>

interface Arrays {
  /** 0 or 1 per element. */
  bool: Uint8Array<ArrayBuffer>
  int8: Int8Array<ArrayBuffer>
  int16: Int16Array<ArrayBuffer>
  int32: Int32Array<ArrayBuffer>
  int64: BigInt64Array<ArrayBuffer>
  uint8: Uint8Array<ArrayBuffer>
  uint16: Uint16Array<ArrayBuffer>
  uint32: Uint32Array<ArrayBuffer>
  uint64: BigUint64Array<ArrayBuffer>
  /** Float16Array where the runtime has it (Node 24 and newer), otherwise the bits. */
  float16: Float16Data
  /** The bits: JavaScript has no such number. */
  bfloat16: Uint16Array<ArrayBuffer>
  float32: Float32Array<ArrayBuffer>
  float64: Float64Array<ArrayBuffer>
  /** Two numbers per element: real, imaginary. */
  complex64: Float32Array<ArrayBuffer>
  complex128: Float64Array<ArrayBuffer>
}

/** Names as in numpy. */
export type DType = keyof Arrays | TimeDType

/** The typed array that holds the elements of a dtype. */
export type TypedArrayOf<D extends DType> = D extends keyof Arrays
  ? Arrays[D]
  : BigInt64Array<ArrayBuffer>

export type TypedArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array
  | Float16Data

interface TypedArrayConstructor<D extends DType> {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBuffer, byteOffset?: number, length?: number): TypedArrayOf<D>
  new (length: number): TypedArrayOf<D>
}

export interface DTypeInfo<D extends DType = DType> {
  readonly name: D
  /** As in schema/message.fbs. */
  readonly code: number
  readonly bits: number
  readonly unit: number
  /** Bytes of one element. */
  readonly itemsize: number
  /** Entries of `array` that make one element: 2 for complex numbers, else 1. */
  readonly entries: number
  readonly array: TypedArrayConstructor<D>
}

const { Float16Array: float16 = Uint16Array } = globalThis as unknown as {
  Float16Array?: TypedArrayConstructor<'float16'>
}

const table = new Map<string, DTypeInfo>()
const byWire = new Map<number, DTypeInfo>()
const wireKey = (code: number, bits: number, unit: number) => (code << 16) | (bits << 8) | unit

function add<D extends DType>(
  name: D,
  code: number,
  bits: number,
  array: TypedArrayConstructor<D>,
  unit = 0,
) {
  const itemsize = bits / 8
  const entries = itemsize / array.BYTES_PER_ELEMENT
  // A table of unlike rows: which array belongs to which name is known again in dtypeInfo().
  const row = { name, code, bits, unit, itemsize, entries, array } as unknown as DTypeInfo
  table.set(name, row)
  byWire.set(wireKey(code, bits, unit), row)
}

add('bool', 6, 8, Uint8Array)
add('int8', 0, 8, Int8Array)
add('int16', 0, 16, Int16Array)
add('int32', 0, 32, Int32Array)
add('int64', 0, 64, BigInt64Array)
add('uint8', 1, 8, Uint8Array)
add('uint16', 1, 16, Uint16Array)
add('uint32', 1, 32, Uint32Array)
add('uint64', 1, 64, BigUint64Array)
add('float16', 2, 16, float16 as TypedArrayConstructor<'float16'>)
add('bfloat16', 4, 16, Uint16Array)
add('float32', 2, 32, Float32Array)
add('float64', 2, 64, Float64Array)
add('complex64', 5, 64, Float32Array)
add('complex128', 5, 128, Float64Array)
for (const [kind, code] of [
  ['datetime64', 128],
  ['timedelta64', 129],
] as const) {
  add(kind, code, 64, BigInt64Array, genericUnit)
  for (const [unit, number] of Object.entries(units))
    add(`${kind}[${unit as TimeUnit}]`, code, 64, BigInt64Array, number)
}

/** Every dtype, in the order of the table. */
export const dtypeNames = [...table.keys()] as readonly DType[]

/** @throws DTypeError for a name that is no dtype */
export function dtypeInfo<D extends DType>(name: D): DTypeInfo<D> {
  const info = table.get(name)
  if (info === undefined) throw unknownDType(name, dtypeNames)
  return info as unknown as DTypeInfo<D>
}

/** The dtype with these numbers in a message, or undefined if there is none. */
export const dtypeFromWire = (code: number, bits: number, unit: number): DTypeInfo | undefined =>
  byWire.get(wireKey(code, bits, unit))

const fromArrays = new Map<string, DType>(
  Object.entries({
    Int8Array: 'int8',
    Uint8Array: 'uint8',
    Uint8ClampedArray: 'uint8',
    Int16Array: 'int16',
    Uint16Array: 'uint16',
    Int32Array: 'int32',
    Uint32Array: 'uint32',
    BigInt64Array: 'int64',
    BigUint64Array: 'uint64',
    Float16Array: 'float16',
    Float32Array: 'float32',
    Float64Array: 'float64',
  }),
)

/** The dtype that a plain typed array (from any realm) becomes. */
export function dtypeOf(array: TypedArray): DType {
  const dtype = fromArrays.get(array[Symbol.toStringTag])
  if (dtype === undefined)
    throw new DTypeError(`${array[Symbol.toStringTag]} has no dtype in numpy`)
  return dtype
}

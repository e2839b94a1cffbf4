// `tensor.from()`: elements that JavaScript has become a tensor.
import { types } from 'node:util'
import { type DType, type DTypeInfo, dtypeInfo, dtypeOf, type TypedArray } from './dtypes.js'
import { DTypeError, ShapeError } from './errors.js'
import type { Memory } from './memory.js'
import { checkShape, elements } from './shape.js'
import { makeTensor, type Tensor } from './tensor.js'

export interface FromOptions {
  /** Default: that of the typed array; float64 for numbers, int64 for bigints, bool for booleans. */
  readonly dtype?: DType
  /** Default: one axis for a typed array, the nesting for arrays. */
  readonly shape?: readonly number[]
}

/** @throws ShapeError for ragged arrays or a shape that does not fit; DTypeError for elements that are no numbers */
export function tensorFrom(memory: Memory, source: unknown, options: FromOptions = {}): Tensor {
  if (types.isTypedArray(source)) return fromTypedArray(memory, source as TypedArray, options)
  const nested = shapeOf(source)
  const flat = nested.length === 0 ? [source] : (source as unknown[]).flat(nested.length - 1)
  const dtype = options.dtype ?? guess(flat[0])
  const tensor = makeTensor(memory, dtype, fitting(options.shape ?? nested, flat.length), false)
  try {
    fill(tensor, flat, dtypeInfo(dtype))
    return tensor
  } catch (error) {
    tensor.dispose()
    throw error
  }
}

function fromTypedArray(memory: Memory, source: TypedArray, options: FromOptions): Tensor {
  const own = dtypeInfo(dtypeOf(source))
  const info = dtypeInfo(options.dtype ?? own.name)
  // The same element type under another name (bool over bytes, complex over floats, times over int64) is reinterpreted.
  if (info.array !== own.array && !(info.itemsize === own.itemsize && info.entries === 1))
    throw new DTypeError(
      `a ${source[Symbol.toStringTag]} cannot become ${info.name}; convert it first, or leave \`dtype\` out`,
    )
  const count = source.length / info.entries
  const tensor = makeTensor(memory, info.name, fitting(options.shape ?? [count], count), false)
  memory.copyIn(tensor.placedIn(memory)!.slot, source)
  return tensor
}

function fitting(shape: readonly number[], count: number): readonly number[] {
  const checked = checkShape(shape)
  if (elements(checked) !== count)
    throw new ShapeError(
      `shape [${checked.join(', ')}] has ${elements(checked)} elements, but ${count} were given`,
    )
  return checked
}

/** Lengths of nested arrays. */
function shapeOf(source: unknown, path = 'source'): number[] {
  if (!Array.isArray(source)) return []
  const inner = source.map((item, at) => shapeOf(item, `${path}[${at}]`))
  const first = inner[0] ?? []
  inner.forEach((shape, at) => {
    if (shape.length !== first.length || shape.some((length, axis) => length !== first[axis]))
      throw new ShapeError(
        `${path}[${at}] has shape [${shape.join(', ')}], but ${path}[0] has [${first.join(', ')}]: rows must be alike`,
      )
  })
  return [source.length, ...first]
}

function guess(element: unknown): DType {
  switch (typeof element) {
    case 'bigint':
      return 'int64'
    case 'boolean':
      return 'bool'
    default:
      return 'float64'
  }
}

function fill(tensor: Tensor, flat: readonly unknown[], info: DTypeInfo): void {
  if (info.entries !== 1)
    throw new DTypeError(
      `${info.name} cannot be made from numbers; pass a ${info.array.name} of real and imaginary parts`,
    )
  const data = tensor.data as unknown as Record<number, unknown>
  const big = info.array === BigInt64Array || (info.array as unknown) === BigUint64Array
  flat.forEach((element, at) => {
    if (big && (typeof element === 'bigint' || Number.isSafeInteger(element)))
      data[at] = BigInt(element as number)
    else if (!big && (typeof element === 'number' || typeof element === 'boolean'))
      data[at] = Number(element)
    else
      throw new DTypeError(
        `element ${at} is ${typeof element} ${String(element)}, which does not fit ${info.name}`,
      )
  })
}

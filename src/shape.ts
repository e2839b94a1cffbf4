// Shapes and strides: checks and arithmetic. Strides are in bytes, as in numpy.
import { ShapeError } from './errors.js'

export const maxAxes = 64

/** Number of elements. 1 for a 0-d shape. */
export const elements = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1)

/** @throws ShapeError unless every length is a whole number ≥ 0 and the elements can be counted exactly */
export function checkShape(shape: unknown): readonly number[] {
  if (!Array.isArray(shape))
    throw new ShapeError(`a shape is an array of lengths such as [1000, 3], not ${describe(shape)}`)
  if (shape.length > maxAxes)
    throw new ShapeError(`a tensor has at most ${maxAxes} axes, not ${shape.length}`)
  shape.forEach((length: unknown, axis) => {
    if (typeof length !== 'number' || !Number.isSafeInteger(length) || length < 0)
      throw new ShapeError(`shape[${axis}] must be a whole number ≥ 0, not ${describe(length)}`)
  })
  const lengths = [...(shape as number[])]
  if (!Number.isSafeInteger(elements(lengths) * 16))
    throw new ShapeError(`shape [${lengths.join(', ')}] has more elements than can be addressed`)
  return Object.freeze(lengths)
}

const describe = (value: unknown) => (typeof value === 'string' ? `'${value}'` : String(value))

/** Strides in C order without gaps. */
export function packedStrides(shape: readonly number[], itemsize: number): number[] {
  const strides = new Array<number>(shape.length)
  let step = itemsize
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step
    step *= Math.max(1, shape[axis]!)
  }
  return strides
}

/** Do these strides describe C order without gaps? Axes of length 1 do not matter. */
export function isPacked(
  shape: readonly number[],
  strides: readonly number[],
  itemsize: number,
): boolean {
  if (shape.includes(0)) return true
  let step = itemsize
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== step) return false
    step *= shape[axis]!
  }
  return true
}

/** Bytes from the first element to the lowest one, and to the end of the highest one. */
export function extent(
  shape: readonly number[],
  strides: readonly number[],
  itemsize: number,
): { low: number; high: number } {
  if (shape.includes(0)) return { low: 0, high: 0 }
  let low = 0
  let high = itemsize
  shape.forEach((length, axis) => {
    const reach = (length - 1) * strides[axis]!
    if (reach < 0) low += reach
    else high += reach
  })
  return { low, high }
}

/** Resolves one -1 in a new shape for `count` elements. */
export function resolveShape(shape: readonly number[], count: number): readonly number[] {
  const open = shape.indexOf(-1)
  if (open === -1 || !Array.isArray(shape)) return checkSame(checkShape(shape), count)
  const rest = elements(checkShape(shape.filter((_, axis) => axis !== open)))
  const length = rest === 0 ? 0 : count / rest
  return checkSame(checkShape(shape.map((n, axis) => (axis === open ? length : n))), count)
}

function checkSame(shape: readonly number[], count: number): readonly number[] {
  if (elements(shape) !== count)
    throw new ShapeError(
      `shape [${shape.join(', ')}] has ${elements(shape)} elements, but the tensor has ${count}`,
    )
  return shape
}

// What a tensor is, apart from its bytes. Never changes, so tensors that are alike share one.
import type { DType, DTypeInfo } from './dtypes.js'
import { elements, extent, isPacked, packedStrides } from './shape.js'

export class Layout<D extends DType = DType> {
  readonly shape: readonly number[]
  /** Bytes from one element to the next along each axis. */
  readonly strides: readonly number[]
  /** Bytes of all elements. */
  readonly byteLength: number
  /** The elements lie in C order without gaps. */
  readonly isContiguous: boolean
  /** Bytes from the first element to the lowest one. */
  readonly low: number
  /** Bytes from the first element to the end of the highest one. */
  readonly high: number

  /** @param strides undefined: C order without gaps */
  constructor(
    readonly dtype: DTypeInfo<D>,
    shape: readonly number[],
    strides?: readonly number[],
  ) {
    const { itemsize } = dtype
    this.shape = Object.freeze(shape)
    this.strides = Object.freeze(strides ?? packedStrides(shape, itemsize))
    this.byteLength = elements(shape) * itemsize
    this.isContiguous = strides === undefined || isPacked(shape, strides, itemsize)
    const { low, high } = this.isContiguous
      ? { low: 0, high: this.byteLength }
      : extent(shape, this.strides, itemsize)
    this.low = low
    this.high = high
  }
}

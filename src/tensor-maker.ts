import type { DType, TypedArray } from './dtypes.js'
import type { Memory } from './memory.js'
import { makeTensor, type Tensor } from './tensor.js'
import { type FromOptions, tensorFrom } from './tensor-from.js'

export interface TensorOptions {
  /** true: the elements are whatever the memory held before; saves clearing it. Default false: zeros. */
  readonly uninitialized?: boolean
}

/** Makes tensors in shared memory. */
export interface TensorMaker {
  /**
   * A tensor of zeros.
   * @param shape lengths along each axis; [] for a single element
   * @throws DTypeError, ShapeError, ArenaFullError, ClosedError
   */
  <D extends DType>(dtype: D, shape: readonly number[], options?: TensorOptions): Tensor<D>
  /** A tensor with these elements: a typed array, a number, or nested arrays of numbers. One copy. */
  from(source: TypedArray, options?: FromOptions): Tensor
  from<D extends DType>(source: unknown, options: FromOptions & { readonly dtype: D }): Tensor<D>
  from(source: unknown, options?: FromOptions): Tensor
}

/** What `bridge.tensor` is. */
export const tensorMaker = (memory: Memory): TensorMaker =>
  Object.assign(
    <D extends DType>(dtype: D, shape: readonly number[], options: TensorOptions = {}) =>
      makeTensor(memory, dtype, shape, options.uninitialized !== true),
    { from: (source: unknown, options?: FromOptions) => tensorFrom(memory, source, options) },
  ) as TensorMaker

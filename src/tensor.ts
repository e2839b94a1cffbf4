import { inspect } from 'node:util'
import { tensorMark } from './codec.js'
import { type DType, dtypeInfo, type TypedArrayOf } from './dtypes.js'
import { type Element, readElement } from './element.js'
import { ClosedError, DisposedError, NotContiguousError, ShapeError } from './errors.js'
import { Layout } from './layout.js'
import { type Memory, viewsHoldBlocks } from './memory.js'
import type { Slot } from './native.js'
import { checkShape, elements, resolveShape } from './shape.js'

type State = 'live' | 'disposed' | 'released'

/**
 * dtype, shape and strides over bytes in shared memory that Python sees too.
 *
 * The bytes stay valid until `dispose()`, `release()`, or until neither the tensor nor any view of it can be reached.
 * docs/lifetimes.md says which of the two to call when.
 */
export class Tensor<D extends DType = DType> implements Disposable {
  readonly #layout: Layout<D>
  readonly #memory: Memory
  readonly #slot: Slot
  readonly #offset: number
  #state: State = 'live'
  /** The memory hears of its collection. */
  #watched: boolean
  /** The bytes from the lowest element to the end of the highest, once looked at. */
  #buffer: ArrayBuffer | undefined
  #data: TypedArrayOf<D> | undefined

  /**
   * Takes one reference to the block over. Tensors are made by `bridge.tensor()` and by results.
   * @param fresh it has just arrived: see Memory.keep() @internal
   */
  constructor(memory: Memory, slot: Slot, offset: number, layout: Layout<D>, fresh = false) {
    this.#memory = memory
    this.#slot = slot
    this.#offset = offset
    this.#layout = layout
    this.#watched = !fresh
    if (fresh) memory.keep(this)
    else memory.watch(this, slot)
  }

  get [tensorMark](): true {
    return true
  }

  get dtype(): D {
    return this.#layout.dtype.name
  }

  get shape(): readonly number[] {
    return this.#layout.shape
  }

  /** Bytes from one element to the next along each axis, as in numpy. */
  get strides(): readonly number[] {
    return this.#layout.strides
  }

  /** Bytes of all elements. */
  get byteLength(): number {
    return this.#layout.byteLength
  }

  /** The elements lie in C order without gaps. */
  get isContiguous(): boolean {
    return this.#layout.isContiguous
  }

  /** Number of axes. */
  get ndim(): number {
    return this.shape.length
  }

  /** Number of elements. */
  get size(): number {
    return elements(this.shape)
  }

  /**
   * The elements, flat, in C order: a typed array on the shared bytes themselves. Complex numbers are two entries each,
   * float16 is a Uint16Array where the runtime has no Float16Array.
   * @throws NotContiguousError for a strided view: `copy()` it, or read it with `at()`
   * @throws DisposedError
   */
  get data(): TypedArrayOf<D> {
    const known = this.#data
    // Empty: there are no elements, or the buffer was transferred away.
    if (known !== undefined && this.#state === 'live' && known.length !== 0) return known
    this.#check()
    const { dtype, byteLength, isContiguous } = this.#layout
    if (!isContiguous) throw new NotContiguousError()
    const entries = (byteLength / dtype.itemsize) * dtype.entries
    this.#data = new dtype.array(this.#bytes(), 0, entries)
    return this.#data
  }

  /**
   * One element: a number, a bigint (64-bit integers, times), a boolean, or [real, imaginary].
   * @param indices one per axis; negative ones count from the end
   * @throws ShapeError when an index is outside
   */
  at(...indices: number[]): Element<D> {
    this.#check()
    if (indices.length !== this.ndim)
      throw new ShapeError(`at() takes ${this.ndim} indices here, not ${indices.length}`)
    let at = -this.#layout.low
    indices.forEach((index, axis) => {
      const length = this.shape[axis]!
      const inside = index < 0 ? index + length : index
      if (!Number.isInteger(index) || inside < 0 || inside >= length)
        throw new ShapeError(`index ${index} is outside axis ${axis} of length ${length}`)
      at += inside * this.strides[axis]!
    })
    return readElement(this.#layout.dtype, new DataView(this.#bytes()), at)
  }

  /**
   * The same elements in another shape; one length may be -1. No copy.
   * @throws NotContiguousError, ShapeError
   */
  reshape(shape: readonly number[]): Tensor<D> {
    this.#check()
    if (!this.isContiguous) throw new NotContiguousError('reshape()')
    return this.#derive(this.#offset, resolveShape(shape, this.size))
  }

  /**
   * Rows `begin` to `end` (exclusive) along the first axis. No copy. Negative numbers count from the end, as in
   * `TypedArray.prototype.subarray`.
   */
  subarray(begin = 0, end?: number): Tensor<D> {
    this.#check()
    const rows = this.shape[0]
    if (rows === undefined) throw new ShapeError('a 0-d tensor has no rows to take a subarray of')
    const clamp = (index: number) =>
      Math.min(rows, Math.max(0, Math.trunc(index < 0 ? index + rows : index)))
    const from = clamp(begin)
    const count = Math.max(0, clamp(end ?? rows) - from)
    const shape = [count, ...this.shape.slice(1)]
    const offset = count === 0 ? this.#offset : this.#offset + from * this.strides[0]!
    return this.#derive(offset, shape, this.isContiguous ? undefined : this.strides)
  }

  /** One of the rows along the first axis, without that axis. No copy. @internal */
  row(index: number): Tensor<D> {
    const strides = this.isContiguous ? undefined : this.strides.slice(1)
    const shape = this.shape.slice(1)
    return this.#derive(this.#offset + index * this.strides[0]!, shape, strides)
  }

  /** A new contiguous tensor with the same elements, in the bridge's own arena. @throws ArenaFullError */
  copy(): Tensor<D> {
    this.#check()
    const { dtype, shape } = this.#layout
    const slot = this.#memory.allocate(this.byteLength, false)
    const copy = new Tensor(this.#memory, slot, 0, new Layout(dtype, shape))
    this.#memory.gather(slot, this.placedIn(this.#memory)!)
    return copy
  }

  /**
   * Gives the bytes back at once, like free(): buffers obtained from `data` become empty. Never while a socket, a file
   * or another addon still reads them: that is what `release()` is for.
   * @throws DisposedError when called twice
   */
  dispose(): void {
    this.#drop('disposed')
    const buffer = this.#buffer
    this.#buffer = this.#data = undefined
    if (buffer !== undefined && this.#memory.detach && buffer.byteLength > 0)
      this.#memory.native.detach(buffer)
  }

  /**
   * Gives the tensor up without touching buffers obtained from `data`: the bytes go back when the last of them is
   * collected.
   * @throws DisposedError when called twice
   */
  release(): void {
    this.#drop('released')
    this.#buffer = this.#data = undefined
  }

  /** `using tensor = …`; does nothing after dispose() or release(). */
  [Symbol.dispose](): void {
    if (this.#state === 'live') this.dispose()
  }

  get disposed(): boolean {
    return this.#state !== 'live'
  }

  [inspect.custom](): string {
    const state = this.#state === 'live' ? '' : `, ${this.#state}`
    return `Tensor(${this.dtype}, [${this.shape.join(', ')}]${state})`
  }

  /** Where the tensor is, for a message; undefined when it belongs to another bridge. @internal */
  placedIn(memory: Memory) {
    this.#check()
    if (memory !== this.#memory) return undefined
    const { dtype, shape, strides, isContiguous } = this.#layout
    return {
      slot: this.#slot,
      offset: this.#offset,
      dtype,
      shape,
      strides: isContiguous ? undefined : strides,
    }
  }

  #bytes(): ArrayBuffer {
    if (this.#buffer !== undefined) return this.#buffer
    const { low, high } = this.#layout
    const { native } = this.#memory
    if (viewsHoldBlocks && high > low) {
      // The buffer holds the block from now on, and this tensor holds the buffer: its own reference would only wait for a
      // finalizer, while buffers are seen to be gone as soon as they are collected.
      this.#buffer = native.adopt(this.#slot, this.#offset + low, high - low)
      this.#unwatch()
    } else this.#buffer = native.view(this.#slot, this.#offset + low, high - low)
    return this.#buffer
  }

  /** Does this tensor hold a reference of its own? Otherwise its buffer does. */
  get #holds(): boolean {
    return this.#buffer === undefined || !viewsHoldBlocks || this.byteLength === 0
  }

  #derive(offset: number, shape: readonly number[], strides?: readonly number[]): Tensor<D> {
    this.#memory.retain(this.#slot)
    const layout = new Layout(this.#layout.dtype, shape, strides)
    return new Tensor(this.#memory, this.#slot, offset, layout)
  }

  #drop(state: State): void {
    if (this.#state !== 'live') throw new DisposedError()
    this.#state = state
    if (!this.#holds) return
    this.#unwatch()
    this.#memory.release(this.#slot)
  }

  /** @internal */
  watch(): void {
    if (this.#watched || this.#state !== 'live' || !this.#holds) return
    this.#watched = true
    this.#memory.watch(this, this.#slot)
  }

  #unwatch(): void {
    if (this.#watched) this.#memory.forget(this)
    else this.#memory.unkeep()
  }

  /** @throws DisposedError, also when the buffer was transferred away: the bytes are whose buffer it is now */
  #check(): void {
    if (this.#state !== 'live') throw new DisposedError()
    if (!this.#holds && this.#buffer!.byteLength === 0) throw new DisposedError()
  }
}

/** A tensor of this bridge's arena. */
export function makeTensor<D extends DType>(
  memory: Memory,
  dtype: D,
  shape: readonly number[],
  zeroed: boolean,
): Tensor<D> {
  const info = dtypeInfo(dtype)
  const checked = checkShape(shape)
  if (memory.closed) throw new ClosedError()
  const layout = new Layout(info, checked)
  return new Tensor(memory, memory.allocate(layout.byteLength, zeroed), 0, layout)
}

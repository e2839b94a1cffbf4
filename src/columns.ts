// One argument of all items of a batch: the rows of one block, or a list of encoded values. An item's row is copied when
// the call is made, and never again, unless it takes the place of one that left.
import {
  type Cargo,
  encodeValue,
  isArray,
  type TensorLike,
  tensorExtension,
  tooLarge,
  type Where,
} from './codec.js'
import { type DTypeInfo, dtypeInfo, dtypeOf, type TypedArray } from './dtypes.js'
import { ForeignTensorError, ShapeError, ValueTypeError } from './errors.js'
import type { Memory } from './memory.js'
import { type MessagePackWriter, maxPayload } from './msgpack-writer.js'
import type { Slot } from './native.js'
import { Attachments } from './request.js'
import { elements, maxAxes } from './shape.js'
import { Tensor } from './tensor.js'

/** The argument of one item. */
export type Cell = ArrayCell | ValueCell

/** An array, still where the caller has it. */
export class ArrayCell {
  readonly dtype: DTypeInfo
  readonly shape: readonly number[]
  readonly #array: Tensor | TypedArray

  /** @throws DisposedError, ForeignTensorError, ShapeError */
  constructor(memory: Memory, array: TensorLike | TypedArray, path: string) {
    if (array instanceof Tensor) {
      const placed = array.placedIn(memory)
      if (placed === undefined) throw new ForeignTensorError(path)
      this.dtype = placed.dtype
      this.shape = placed.shape
      if (this.shape.length === maxAxes)
        throw new ShapeError(`${path} has ${maxAxes} axes, and a batch needs one more for its rows`)
      this.#array = array
    } else {
      this.#array = array as TypedArray
      this.dtype = dtypeInfo(dtypeOf(this.#array))
      this.shape = [this.#array.length]
    }
  }

  /** Items whose cells have different keys cannot be in one batch. */
  get key(): string {
    return `${this.dtype.name}[${this.shape.join()}]`
  }

  get bytes(): number {
    return elements(this.shape) * this.dtype.itemsize
  }

  copyTo(memory: Memory, slot: Slot, offset: number): void {
    const array = this.#array
    if (array instanceof Tensor) memory.gather(slot, array.placedIn(memory)!, offset)
    else memory.copyIn(slot, array, offset)
  }
}

/** Anything else, encoded; it holds a reference to each tensor that is part of it. */
export class ValueCell implements Cargo {
  readonly key = 'value'
  readonly encoded: Uint8Array
  readonly #memory: Memory
  #attachments: Attachments | undefined
  /** Where the numbers of its tensors are written. */
  readonly #positions: number[] = []

  /** @throws ValueTypeError, DisposedError, ForeignTensorError, ArenaFullError */
  constructor(memory: Memory, value: unknown, path: string) {
    this.#memory = memory
    try {
      this.encoded = encodeValue(value, path, this)
      this.#attachments?.hold()
    } catch (error) {
      this.#attachments?.sent()
      throw error
    }
  }

  tensor(array: TensorLike | TypedArray, where: Where): number {
    this.#attachments ??= new Attachments(this.#memory)
    this.#positions.push(where.position + 2) // after the code and the type of the extension
    return this.#attachments.tensor(array, where)
  }

  callable(_value: unknown, where: Where): never {
    throw notGathered('a function or an iterator', where)
  }

  object(_object: unknown, where: Where): never {
    throw notGathered('an object of the worker', where)
  }

  /** Its tensors become part of a message, which takes their references over. */
  join(message: Attachments): void {
    const { buffer, byteOffset } = this.encoded
    this.#attachments?.tensors.forEach((placed, at) => {
      const position = byteOffset + this.#positions[at]!
      new DataView(buffer).setUint32(position, message.adopt(placed))
    })
  }

  release(): void {
    this.#attachments?.release()
  }
}

function notGathered(what: string, where: Where): ValueTypeError {
  const path = where.path()
  const words = `${path} is ${what}, and cannot be gathered in a batch; call a function that is not marked with @isthmus.batch`
  return new ValueTypeError(words, path)
}

/**
 * The cells of one item. Code of the user's may run meanwhile (getters), but not after the arrays were looked at.
 * @throws whatever is wrong with one of the arguments
 */
export function cellsOf(memory: Memory, args: readonly unknown[]): Cell[] {
  const values = new Map<number, ValueCell>()
  let bytes = 0
  try {
    args.forEach((arg, at) => {
      if (isArray(arg)) return
      const cell = new ValueCell(memory, arg, `args[${at}]`)
      values.set(at, cell)
      bytes += cell.encoded.length
      if (bytes > longestItem) throw tooLarge(`args[${at}]`)
    })
    return args.map(
      (arg, at) =>
        values.get(at) ?? new ArrayCell(memory, arg as TensorLike | TypedArray, `args[${at}]`),
    )
  } catch (error) {
    for (const cell of values.values()) cell.release()
    throw error
  }
}

/** Of the values among them. */
export const encodedBytes = (cells: readonly Cell[]) =>
  cells.reduce((sum, cell) => sum + (cell instanceof ValueCell ? cell.encoded.length : 0), 0)

export const releaseCells = (cells: readonly Cell[]) => {
  for (const cell of cells) if (cell instanceof ValueCell) cell.release()
}

/** The name, the options and the headers of a call need less than the rest. */
const longestItem = maxPayload - 65_536

export interface Column {
  /** @param at the first place that is free */
  put(at: number, cell: Cell): void
  /** The cell at `from`, which is the last one, replaces the one at `to`. */
  fill(to: number, from: number): void
  /** Writes the argument of a call of `count` items, which takes all references over. */
  write(writer: MessagePackWriter, count: number, message: Attachments): void
  /** It will not be written. */
  release(): void
}

class Rows implements Column {
  readonly #memory: Memory
  readonly #slot: Slot
  readonly #dtype: DTypeInfo
  readonly #shape: readonly number[]
  readonly #bytes: number

  /** @throws ArenaFullError, ShapeError */
  constructor(memory: Memory, { dtype, shape, bytes }: ArrayCell, capacity: number) {
    this.#memory = memory
    this.#dtype = dtype
    this.#shape = shape
    this.#bytes = bytes
    this.#slot = memory.allocate(bytes * capacity, false)
  }

  put(at: number, cell: ArrayCell): void {
    cell.copyTo(this.#memory, this.#slot, at * this.#bytes)
  }

  fill(to: number, from: number): void {
    if (to === from) return
    const row = { dtype: byte, shape: [this.#bytes], strides: undefined }
    const source = { ...row, slot: this.#slot, offset: from * this.#bytes }
    this.#memory.gather(this.#slot, source, to * this.#bytes)
  }

  write(writer: MessagePackWriter, count: number, message: Attachments): void {
    const placed = { slot: this.#slot, offset: 0, dtype: this.#dtype, strides: undefined }
    const index = message.adopt({ ...placed, shape: [count, ...this.#shape] })
    writer.extension4(tensorExtension, index)
  }

  release(): void {
    this.#memory.release(this.#slot)
  }
}

const byte = { itemsize: 1 }

class List implements Column {
  readonly #cells: ValueCell[] = []

  put(at: number, cell: ValueCell): void {
    this.#cells[at] = cell
  }

  fill(to: number, from: number): void {
    this.#cells[to]!.release()
    const last = this.#cells.pop()!
    if (to !== from) this.#cells[to] = last
  }

  write(writer: MessagePackWriter, count: number, message: Attachments): void {
    writer.arrayHeader(count)
    for (const cell of this.#cells) {
      cell.join(message)
      writer.raw(cell.encoded)
    }
  }

  release(): void {
    releaseCells(this.#cells)
  }
}

/** Places of a block for such items: `most`, or as many as leave memory for the batches before and after. */
export function capacityFor(memory: Memory, cells: readonly Cell[], most: number): number {
  const bytes = cells.reduce((sum, cell) => sum + (cell instanceof ArrayCell ? cell.bytes : 0), 0)
  return Math.max(1, Math.min(most, Math.floor((memory.limit * blockShare) / bytes)))
}

const blockShare = 1 / 8

/** @throws ArenaFullError, ShapeError; there are no columns then */
export function columnsFor(memory: Memory, cells: readonly Cell[], capacity: number): Column[] {
  const columns: Column[] = []
  try {
    for (const cell of cells)
      columns.push(cell instanceof ArrayCell ? new Rows(memory, cell, capacity) : new List())
    return columns
  } catch (error) {
    for (const column of columns) column.release()
    throw error
  }
}

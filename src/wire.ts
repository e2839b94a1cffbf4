// Messages from FlatBuffers (schema/message.fbs); to them: message-writer.ts. The addon has verified what is read here, and
// fills in the places of what is written: a tensor is known to this side by its slot, never by an address.
import { ByteBuffer } from 'flatbuffers'
import { dtypeFromWire } from './dtypes.js'
import { Int64 } from './generated/isthmus/wire/int64.js'
import { Kind } from './generated/isthmus/wire/kind.js'
import { Message } from './generated/isthmus/wire/message.js'
import { Layout } from './layout.js'
import type { Slot } from './native.js'

export { Kind }

/** A tensor in a message. */
export interface Placed {
  readonly slot: Slot
  /** Bytes from the start of the block to the first element. */
  readonly offset: number
  /** DLPack's code and bits, and the unit of times. */
  readonly dtype: { readonly code: number; readonly bits: number; readonly unit: number }
  readonly shape: readonly number[]
  /** Bytes between neighbours along each axis; undefined: C order without gaps. */
  readonly strides: readonly number[] | undefined
}

/** A tensor in a received message. The reference to its block is the reader's. */
export interface Arrived {
  readonly slot: Slot
  readonly offset: number
  readonly layout: Layout
}

const twoTo32 = 2 ** 32
const join = (words: Int64) => words.high() * twoTo32 + words.low()

/** One received message. Valid only until the next one is read. */
export class Reader {
  readonly #message = new Message()
  readonly #words = new Int64()
  /** Of the last tensor without strides: the next one is often alike. */
  #packed: Layout | undefined

  /** The message that starts at `offset` of `buffer`. */
  read(buffer: ByteBuffer, offset: number): void {
    buffer.setPosition(offset)
    Message.getRootAsMessage(buffer, this.#message)
  }

  get kind(): Kind {
    return this.#message.kind()
  }

  get id(): number {
    return this.#message.id()
  }

  /** Nanoseconds for which the function ran; undefined if the worker was not asked to measure it. */
  get elapsed(): number | undefined {
    const words = this.#message.elapsed(this.#words)
    return words === null ? undefined : join(words)
  }

  /** Where the payload lies in the bytes that were read. Not `payloadArray()`: making a view of them costs as much as reading them. */
  payload(): { readonly start: number; readonly end: number } {
    const { bb, bb_pos: table } = this.#message
    const field = bb!.__offset(table, payloadField)
    if (field === 0) return noPayload
    const start = bb!.__vector(table + field)
    return { start, end: start + this.#message.payloadLength() }
  }

  /** The references that the message holds are the caller's now. */
  tensors(): readonly Arrived[] {
    const { bb, bb_pos: table } = this.#message
    const field = bb!.__offset(table, tensorsField)
    if (field === 0) return noTensors
    const vector = bb!.__vector(table + field)
    const count = bb!.__vector_len(table + field)
    const tensors: Arrived[] = []
    for (let at = 0; at < count; at++)
      tensors.push(this.#tensor(bb!, bb!.__indirect(vector + 4 * at)))
    return tensors
  }

  #tensor(bb: ByteBuffer, table: number): Arrived {
    const place = table + bb.__offset(table, placeField)
    const slot = bb.readUint32(place)
    const offset = readWord(bb, place + 8)
    return { slot, offset, layout: this.#layoutOf(bb, table) }
  }

  #layoutOf(bb: ByteBuffer, table: number): Layout {
    if (bb.__offset(table, stridesField) !== 0) return readLayout(bb, table)
    if (this.#packed === undefined || !isLaidOut(bb, table, this.#packed))
      this.#packed = readLayout(bb, table)
    return this.#packed
  }
}

function readLayout(bb: ByteBuffer, table: number): Layout {
  const dtype = table + bb.__offset(table, dtypeField)
  const info = dtypeFromWire(bb.readUint8(dtype), bb.readUint8(dtype + 1), bb.readUint8(dtype + 3))!
  const shape = readWords(bb, table, shapeField)
  const strides = readWords(bb, table, stridesField)
  return new Layout(info, shape, strides.length > 0 ? strides : undefined)
}

function isLaidOut(bb: ByteBuffer, table: number, { dtype, shape }: Layout): boolean {
  const at = table + bb.__offset(table, dtypeField)
  const { code, bits, unit } = dtype
  return (
    bb.readUint8(at) === code &&
    bb.readUint8(at + 1) === bits &&
    bb.readUint8(at + 3) === unit &&
    haveWords(bb, table, shapeField, shape)
  )
}

function readWords(bb: ByteBuffer, table: number, field: number): number[] {
  const place = bb.__offset(table, field)
  if (place === 0) return []
  const at = bb.__vector(table + place)
  const words: number[] = []
  for (let i = 0; i < bb.__vector_len(table + place); i++) words.push(readWord(bb, at + 8 * i))
  return words
}

function haveWords(
  bb: ByteBuffer,
  table: number,
  field: number,
  words: readonly number[],
): boolean {
  const place = bb.__offset(table, field)
  const length = place === 0 ? 0 : bb.__vector_len(table + place)
  if (length !== words.length) return false
  const at = bb.__vector(table + place)
  for (let i = 0; i < length; i++) if (readWord(bb, at + 8 * i) !== words[i]) return false
  return true
}

const readWord = (bb: ByteBuffer, at: number) => bb.readInt32(at + 4) * twoTo32 + bb.readUint32(at)

/** Places in the tables of fields, as in the generated classes. */
const payloadField = 8
const tensorsField = 10
const placeField = 4
const dtypeField = 6
const shapeField = 8
const stridesField = 10
const noTensors: readonly Arrived[] = []
const noPayload = { start: 0, end: 0 }

/** A buffer for `Reader.read`. */
export const readable = (bytes: Uint8Array) => new ByteBuffer(bytes)

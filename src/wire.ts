// Messages from FlatBuffers (schema/message.fbs); to them: message-writer.ts. The addon has verified what is read here, and
// fills in the places of what is written: a tensor is known to this side by its slot, never by an address.
import { ByteBuffer } from 'flatbuffers'
import { DType } from './generated/isthmus/wire/dtype.js'
import { Int64 } from './generated/isthmus/wire/int64.js'
import { Kind } from './generated/isthmus/wire/kind.js'
import { Message } from './generated/isthmus/wire/message.js'
import { Place } from './generated/isthmus/wire/place.js'
import { Tensor as WireTensor } from './generated/isthmus/wire/tensor.js'
import type { Slot } from './native.js'

export { Kind }

/** What a tensor is, apart from its bytes. */
export interface Layout {
  /** DLPack's code and bits, and the unit of times. */
  readonly dtype: { readonly code: number; readonly bits: number; readonly unit: number }
  readonly shape: readonly number[]
  /** Bytes between neighbours along each axis; undefined: C order without gaps. */
  readonly strides: readonly number[] | undefined
}

/** A tensor in a message. */
export interface Placed extends Layout {
  readonly slot: Slot
  /** Bytes from the start of the block to the first element. */
  readonly offset: number
}

const twoTo32 = 2 ** 32
const join = (words: Int64) => words.high() * twoTo32 + words.low()

/** One received message. Valid only until the next one is read. */
export class Reader {
  readonly #message = new Message()
  readonly #tensor = new WireTensor()
  readonly #place = new Place()
  readonly #dtype = new DType()
  readonly #words = new Int64()

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
  tensors(): readonly Placed[] {
    const count = this.#message.tensorsLength()
    if (count === 0) return noTensors
    const tensors: Placed[] = []
    for (let at = 0; at < count; at++) {
      const tensor = this.#message.tensors(at, this.#tensor)!
      const place = tensor.place(this.#place)!
      const dtype = tensor.dtype(this.#dtype)!
      const shape: number[] = []
      for (let axis = 0; axis < tensor.shapeLength(); axis++)
        shape.push(join(tensor.shape(axis, this.#words)!))
      let strides: number[] | undefined
      if (tensor.stridesLength() > 0) {
        strides = []
        for (let axis = 0; axis < shape.length; axis++)
          strides.push(join(tensor.strides(axis, this.#words)!))
      }
      tensors.push({
        slot: place.slot(),
        offset: join(place.offset(this.#words)!),
        dtype: { code: dtype.code(), bits: dtype.bits(), unit: dtype.unit() },
        shape,
        strides,
      })
    }
    return tensors
  }
}

/** Place of `payload` in the table of fields, as in the generated `Message.payload()`. */
const payloadField = 8
const noTensors: readonly Placed[] = []
const noPayload = { start: 0, end: 0 }

/** A buffer for `Reader.read`. */
export const readable = (bytes: Uint8Array) => new ByteBuffer(bytes)

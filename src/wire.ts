// Messages to and from FlatBuffers (schema/message.fbs). The addon has verified what is read here, and fills in the
// places of what is written: a tensor is known to this side by its slot, never by an address.
import { Builder, ByteBuffer } from 'flatbuffers'
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

const identifier = 'IST1'
const twoTo32 = 2 ** 32
const low = (value: number) => value >>> 0
const high = (value: number) => Math.floor(value / twoTo32)
const join = (words: Int64) => words.high() * twoTo32 + words.low()

/** Bytes that a message needs besides its payload, at most. */
const overhead = (tensors: readonly Placed[]) =>
  tensors.reduce((sum, { shape }) => sum + 128 + 32 * shape.length, 128)

export class Writer {
  /** Where small messages are written; shared with the addon. */
  readonly outbox: Uint8Array
  readonly #builder: Builder

  constructor(outboxBytes: number) {
    this.#builder = new Builder(outboxBytes)
    this.outbox = this.#builder.dataBuffer().bytes()
  }

  /**
   * Writes a message and gives it to `small` as a range of the outbox, or to `large` as bytes of its own.
   * Returns what they return.
   */
  write<T>(
    kind: Kind,
    id: number,
    payload: Uint8Array | undefined,
    tensors: readonly Placed[],
    small: (offset: number, length: number) => T,
    large: (bytes: Uint8Array) => T,
  ): T {
    const room = (payload?.length ?? 0) + (tensors.length === 0 ? 128 : overhead(tensors))
    if (room <= this.outbox.length) {
      const builder = this.#builder
      builder.clear()
      finish(builder, kind, id, payload, tensors)
      const offset = builder.dataBuffer().position()
      return small(offset, this.outbox.length - offset)
    }
    const builder = new Builder((room + 7) & ~7)
    finish(builder, kind, id, payload, tensors)
    return large(builder.asUint8Array())
  }
}

function finish(
  builder: Builder,
  kind: Kind,
  id: number,
  payload: Uint8Array | undefined,
  tensors: readonly Placed[],
): void {
  const payloadAt = payload === undefined ? 0 : builder.createByteVector(payload)
  const tensorsAt = tensors.length === 0 ? 0 : writeTensors(builder, tensors)
  Message.startMessage(builder)
  if (payloadAt !== 0) Message.addPayload(builder, payloadAt)
  if (tensorsAt !== 0) Message.addTensors(builder, tensorsAt)
  Message.addId(builder, id)
  Message.addKind(builder, kind)
  builder.finish(Message.endMessage(builder), identifier)
}

function writeTensors(builder: Builder, tensors: readonly Placed[]): number {
  const offsets = tensors.map(tensor => {
    const { shape, strides, dtype } = tensor
    const shapeAt = shape.length === 0 ? 0 : writeWords(builder, shape)
    const stridesAt = strides === undefined ? 0 : writeWords(builder, strides)
    WireTensor.startTensor(builder)
    if (shapeAt !== 0) WireTensor.addShape(builder, shapeAt)
    if (stridesAt !== 0) WireTensor.addStrides(builder, stridesAt)
    const { slot, offset } = tensor
    const place = Place.createPlace(builder, slot, 0, low(offset), high(offset), 0, 0, 0, 0, 0, 0)
    WireTensor.addPlace(builder, place)
    WireTensor.addDtype(builder, DType.createDType(builder, dtype.code, dtype.bits, 1, dtype.unit))
    return WireTensor.endTensor(builder)
  })
  return Message.createTensorsVector(builder, offsets)
}

function writeWords(builder: Builder, values: readonly number[]): number {
  builder.startVector(8, values.length, 4)
  for (let at = values.length - 1; at >= 0; at--) {
    const value = values[at]!
    Int64.createInt64(builder, low(value), high(value))
  }
  return builder.endVector()
}

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

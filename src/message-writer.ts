// Messages to FlatBuffers (schema/message.fbs), written front to back: a message of Node has never more than these four
// fields, so that everything lies where it is known beforehand. What the builder of npm's flatbuffers took is in
// docs/architecture.md, decision 38.
//
//   0   offset of the table, "IST1"
//   8   its vtable: bytes, bytes of the table, places of kind, id, payload, tensors (u16 each; 0: absent), then the table:
//  20   to vtable | id | to payload | to tensors | kind
//  40   payload: length, bytes, up to 4
//       tensors: count, to each of them; then each: its vtable, as above, of place, dtype, shape, strides; then its table:
//       to vtable | place (40 bytes) | dtype | to shape | to strides; then shape: count, Int64 each; strides, likewise
import type { Kind, Placed } from './wire.js'

const identifier = 0x31545349 // "IST1"
const tableAt = 20
const payloadAt = 40
const vtableBytes = 12
const placeBytes = 40
const tensorTableBytes = 16 + placeBytes

/** A loop is faster than a call of `set`. */
const shortBytes = 64

const twoTo32 = 2 ** 32
const padded = (bytes: number) => (bytes + 3) & ~3
const vectorBytes = (words: readonly number[]) => 4 + 8 * words.length

function messageBytes(payload: Uint8Array | undefined, tensors: readonly Placed[]): number {
  let bytes = payloadAt
  if (payload !== undefined) bytes += 4 + padded(payload.length)
  if (tensors.length === 0) return bytes
  bytes += 4 + 4 * tensors.length
  for (const { shape, strides } of tensors) {
    bytes += vtableBytes + tensorTableBytes
    if (shape.length > 0) bytes += vectorBytes(shape)
    if (strides !== undefined) bytes += vectorBytes(strides)
  }
  return bytes
}

export class Writer {
  /** Where small messages are written; shared with the addon. */
  readonly outbox: Uint8Array
  readonly #view: DataView

  constructor(outboxBytes: number) {
    this.outbox = new Uint8Array(outboxBytes)
    this.#view = new DataView(this.outbox.buffer)
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
    const length = messageBytes(payload, tensors)
    if (length <= this.outbox.length) {
      fill(this.outbox, this.#view, kind, id, payload, tensors)
      return small(0, length)
    }
    const bytes = new Uint8Array(length)
    fill(bytes, new DataView(bytes.buffer), kind, id, payload, tensors)
    return large(bytes)
  }
}

function fill(
  bytes: Uint8Array,
  view: DataView,
  kind: Kind,
  id: number,
  payload: Uint8Array | undefined,
  tensors: readonly Placed[],
): void {
  const hasTensors = tensors.length > 0
  view.setUint32(0, tableAt, true)
  view.setUint32(4, identifier, true)
  view.setUint32(8, vtableBytes | ((payloadAt - tableAt) << 16), true)
  view.setUint32(12, 16 | (4 << 16), true)
  view.setUint32(16, (payload === undefined ? 0 : 8) | ((hasTensors ? 12 : 0) << 16), true)
  view.setInt32(tableAt, tableAt - 8, true)
  view.setUint32(tableAt + 4, id, true)
  view.setUint32(tableAt + 16, kind, true)
  let at = payloadAt
  if (payload !== undefined) {
    point(view, tableAt + 8, at)
    at = writePayload(bytes, view, at, payload)
  }
  if (hasTensors) {
    point(view, tableAt + 12, at)
    writeTensors(view, at, tensors)
  }
}

/** An offset counts from where it stands. */
const point = (view: DataView, from: number, to: number) => view.setUint32(from, to - from, true)

function writePayload(bytes: Uint8Array, view: DataView, at: number, payload: Uint8Array): number {
  const { length } = payload
  const end = at + 4 + padded(length)
  view.setUint32(end - 4, 0, true)
  view.setUint32(at, length, true)
  if (length > shortBytes) bytes.set(payload, at + 4)
  else for (let i = 0; i < length; i++) bytes[at + 4 + i] = payload[i]!
  return end
}

function writeTensors(view: DataView, vectorAt: number, tensors: readonly Placed[]): void {
  view.setUint32(vectorAt, tensors.length, true)
  let at = vectorAt + 4 + 4 * tensors.length
  for (let index = 0; index < tensors.length; index++) {
    const tensor = tensors[index]!
    point(view, vectorAt + 4 + 4 * index, at + vtableBytes)
    at = writeTensor(view, at, tensor)
  }
}

function writeTensor(view: DataView, vtable: number, tensor: Placed): number {
  const { slot, offset, dtype, shape, strides } = tensor
  const hasShape = shape.length > 0
  const table = vtable + vtableBytes
  const shapeField = 8 + placeBytes
  const stridesField = 12 + placeBytes
  view.setUint32(vtable, vtableBytes | (tensorTableBytes << 16), true)
  view.setUint32(vtable + 4, 4 | ((4 + placeBytes) << 16), true)
  const second = strides === undefined ? 0 : stridesField
  view.setUint32(vtable + 8, (hasShape ? shapeField : 0) | (second << 16), true)
  view.setInt32(table, vtableBytes, true)
  view.setUint32(table + 4, slot, true)
  view.setUint32(table + 8, 0, true)
  writeWord(view, table + 12, offset) // the rest of the place is filled in by the core
  view.setUint32(table + 4 + placeBytes, wireDType(dtype), true)
  let at = table + tensorTableBytes
  if (hasShape) {
    point(view, table + shapeField, at)
    at = writeWords(view, at, shape)
  }
  if (strides !== undefined) {
    point(view, table + stridesField, at)
    at = writeWords(view, at, strides)
  }
  return at
}

/** code, bits, one lane, unit */
const wireDType = ({ code, bits, unit }: Placed['dtype']) =>
  code | (bits << 8) | (1 << 16) | (unit << 24)

function writeWords(view: DataView, at: number, values: readonly number[]): number {
  const { length } = values
  view.setUint32(at, length, true)
  for (let i = 0; i < length; i++) writeWord(view, at + 4 + 8 * i, values[i]!)
  return at + 4 + 8 * length
}

function writeWord(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true)
  view.setInt32(at + 4, Math.floor(value / twoTo32), true)
}

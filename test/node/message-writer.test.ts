// What Writer lays out by hand is what the classes that flatc made read.
import fc from 'fast-check'
import { ByteBuffer } from 'flatbuffers'
import t from 'tap'
import type { Int64 } from '#src/generated/isthmus/wire/int64.js'
import { Message } from '#src/generated/isthmus/wire/message.js'
import { Writer } from '#src/message-writer.js'
import type { Kind, Placed } from '#src/wire.js'

const outboxBytes = 512
const word = (words: Int64 | null) => words!.high() * 2 ** 32 + words!.low()

const numbers = (length: number) =>
  fc.array(fc.integer({ min: -(2 ** 52), max: 2 ** 52 }), { minLength: length, maxLength: length })
const placed: fc.Arbitrary<Placed> = fc
  .record({ axes: fc.nat(4), strided: fc.boolean() })
  .chain(({ axes, strided }) =>
    fc.record({
      slot: fc.nat(2 ** 31),
      offset: fc.nat(2 ** 40),
      dtype: fc.record({ code: fc.nat(255), bits: fc.nat(255), unit: fc.nat(255) }),
      shape: numbers(axes),
      strides: strided && axes > 0 ? numbers(axes) : fc.constant(undefined),
    }),
  )
const message = fc.record({
  kind: fc.integer({ min: 1, max: 20 }),
  id: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  payload: fc.option(fc.uint8Array({ maxLength: 200 }), { nil: undefined }),
  tensors: fc.array(placed, { maxLength: 3 }),
})

function readTensors(read: Message): Placed[] {
  return Array.from({ length: read.tensorsLength() }, (_, index) => {
    const tensor = read.tensors(index)!
    const place = tensor.place()!
    const dtype = tensor.dtype()!
    t.equal(dtype.lanes(), 1)
    const axes = Array.from({ length: tensor.shapeLength() }, (_, axis) => axis)
    return {
      slot: place.slot(),
      offset: word(place.offset()),
      dtype: { code: dtype.code(), bits: dtype.bits(), unit: dtype.unit() },
      shape: axes.map(axis => word(tensor.shape(axis))),
      strides:
        tensor.stridesLength() === 0 ? undefined : axes.map(axis => word(tensor.strides(axis))),
    }
  })
}

t.test('every message is read as it was written, in the outbox or beside it', async t => {
  const writer = new Writer(outboxBytes)
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 4 }), messages => {
      for (const { kind, id, payload, tensors } of messages) {
        const small = (offset: number, length: number) =>
          writer.outbox.subarray(offset, offset + length)
        const bytes = writer.write(kind as Kind, id, payload, tensors, small, whole => whole)
        const buffer = new ByteBuffer(bytes)
        t.ok(Message.bufferHasIdentifier(buffer))
        const read = Message.getRootAsMessage(buffer)
        t.equal(read.kind(), kind)
        t.equal(read.id(), id)
        t.same(read.payloadArray(), payload ?? null)
        t.same(readTensors(read), tensors)
        t.equal(bytes.length % 4, 0)
      }
    }),
    { numRuns: 300 },
  )
})

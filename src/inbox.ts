// Received messages, read one after another. The addon has verified them.
import { decodeValue, type Known } from './codec.js'
import type { Memory } from './memory.js'
import { Tensor } from './tensor.js'
import { type Arrived, type Kind, Reader, readable } from './wire.js'

/** The message at hand. Valid only until the next one. */
export interface Incoming {
  readonly kind: Kind
  readonly id: number
  /** Nanoseconds for which the function ran, if the worker was asked to measure it. */
  readonly elapsed: number | undefined
  /** Of its payload and its tensors. */
  readonly bytes: number
  /**
   * The payload, decoded. Its tensors are the caller's then.
   * @throws ValueTypeError, ProtocolError; its tensors are given up then
   */
  value(): unknown
  /** Nobody wants it: its tensors are given up. */
  drop(): void
}

export class Inbox implements Incoming {
  readonly #memory: Memory
  readonly #known: Known
  #reader = new Reader()
  readonly #view: DataView
  readonly #buffer: ReturnType<typeof readable>
  #current: ReturnType<typeof readable>
  #tensors: readonly Tensor[] = noTensors
  kind: Kind = 0
  id = 0

  /** @param bytes what the addon fills: [length u32, zero u32, FlatBuffer, up to a multiple of 8]… */
  constructor(memory: Memory, bytes: Uint8Array, known: Known) {
    this.#memory = memory
    this.#known = known
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#buffer = this.#current = readable(bytes)
  }

  /** @param filled bytes of the inbox, or one message that was too large for it */
  read(filled: number | Uint8Array, receive: (message: Incoming) => void): void {
    if (typeof filled !== 'number') this.#readLarge(filled, receive)
    else
      for (let at = 0; at < filled; ) {
        const length = this.#view.getUint32(at, true)
        this.#open(this.#buffer, at + 8)
        at += 8 + ((length + 7) & ~7)
        receive(this)
      }
    this.#tensors = noTensors // until the next message, the last one would keep its own
  }

  /** With a reader of its own: one refers to the bytes that it has read last. */
  #readLarge(bytes: Uint8Array, receive: (message: Incoming) => void): void {
    const reader = this.#reader
    this.#reader = new Reader()
    this.#open(readable(bytes), 0)
    receive(this)
    this.#reader = reader
    this.#current = this.#buffer
  }

  get elapsed(): number | undefined {
    return this.#reader.elapsed
  }

  get bytes(): number {
    const { start, end } = this.#reader.payload()
    return this.#tensors.reduce((sum, { byteLength }) => sum + byteLength, end - start)
  }

  value(): unknown {
    const { start, end } = this.#reader.payload()
    try {
      return decodeValue(this.#current.bytes(), this.#tensors, start, end, this.#known)
    } catch (error) {
      this.drop()
      throw error
    }
  }

  drop(): void {
    for (const tensor of this.#tensors) tensor.release()
    this.#tensors = noTensors
  }

  #open(buffer: ReturnType<typeof readable>, at: number): void {
    const reader = this.#reader
    reader.read(buffer, at)
    this.#current = buffer
    this.kind = reader.kind
    this.id = reader.id
    const placed = reader.tensors()
    this.#tensors = placed.length === 0 ? noTensors : placed.map(this.#adopt)
  }

  /** The references of a message's tensors become tensors. */
  readonly #adopt = ({ slot, offset, layout }: Arrived): Tensor =>
    new Tensor(this.#memory, slot, offset, layout, true)
}

const noTensors: readonly Tensor[] = []

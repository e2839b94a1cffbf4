// What rivals share: arrays live in the JS heap, calls are numbered, answers are matched by number.
import type { Parcel, Session } from '../contender.js'

export type Argument = number | Float32Array

/** Views bytes as float32, copying only when they are not aligned. */
export function floats(bytes: Uint8Array): Float32Array {
  if (bytes.byteOffset % 4 === 0)
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
  return new Float32Array(new Uint8Array(bytes).buffer) // slice() of a Buffer would be a view
}

export const bytesOf = (array: Float32Array): Buffer =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength)

export abstract class RivalSession implements Session {
  protected abstract number(name: string, args: Argument[]): Promise<number>
  protected abstract array(name: string, args: Argument[]): Promise<Float32Array>
  abstract close(): Promise<void>

  add(a: number, b: number): Promise<number> {
    return this.number('add', [a, b])
  }

  place(length: number): Parcel {
    return { data: new Float32Array(length) }
  }

  inbound(parcel: Parcel): Promise<number> {
    return this.number('inbound', [parcel.data])
  }

  async outbound(length: number, mark: number): Promise<Parcel> {
    return { data: await this.array('outbound', [length, mark]) }
  }

  async echo(parcel: Parcel): Promise<Parcel> {
    return { data: await this.array('echo', [parcel.data]) }
  }

  async double(parcel: Parcel): Promise<Parcel> {
    return { data: await this.array('double', [parcel.data]) }
  }

  discard(): void {
    // garbage collection does it
  }

  copiedBytes(): undefined {
    return undefined
  }
}

/** Calls in flight, by number. */
export class Pending<T> {
  readonly #calls = new Map<
    number,
    { resolve: (value: T) => void; reject: (reason: Error) => void }
  >()
  #next = 0

  open(send: (id: number) => void): Promise<T> {
    const id = this.#next++ & 0x7fffffff
    return new Promise<T>((resolve, reject) => {
      this.#calls.set(id, { resolve, reject })
      send(id)
    })
  }

  settle(id: number, value: T): void {
    const call = this.#calls.get(id)
    if (!call) throw new Error(`an answer to call ${id}, which nobody made`)
    this.#calls.delete(id)
    call.resolve(value)
  }

  rejectAll(reason: Error): void {
    for (const call of this.#calls.values()) call.reject(reason)
    this.#calls.clear()
  }
}

/** Joins what is written during one turn into one system call, so that calls in flight travel together. */
export class Batch {
  #parts: Buffer[] = []
  readonly #write: (data: Buffer) => void

  constructor(write: (data: Buffer) => void) {
    this.#write = write
  }

  push(...parts: Buffer[]): void {
    if (this.#parts.length === 0) process.nextTick(() => this.#flush())
    this.#parts.push(...parts)
  }

  #flush(): void {
    const parts = this.#parts
    this.#parts = []
    const total = parts.reduce((sum, part) => sum + part.byteLength, 0)
    if (total < 65_536) this.#write(Buffer.concat(parts, total))
    else for (const part of parts) this.#write(part)
  }
}

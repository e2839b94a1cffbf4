// What rivals share: arrays live in the JS heap.
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
  protected abstract number(name: string, args: readonly Argument[]): Promise<number>
  protected abstract array(name: string, args: readonly Argument[]): Promise<Float32Array>
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

// Cuts a byte stream into length-prefixed frames.
//
// A frame that lies whole in the chunk is handed out as a view of it (not owned: the chunk is reused).
// Any other gets memory of its own at once, for its whole length, and is filled as it arrives. That
// memory is placed so that the frame *ends* on a multiple of 8: an array at its end is then aligned
// and needs no copy.

const kPrefix = 4
const kNothing: Buffer = Buffer.alloc(0)

export class Frames {
  readonly #deliver: (frame: Buffer, owned: boolean) => void
  #frame: Buffer | undefined
  #filled = 0
  #prefix: Buffer = kNothing

  constructor(deliver: (frame: Buffer, owned: boolean) => void) {
    this.#deliver = deliver
  }

  feed(bytes: Buffer): void {
    let chunk = bytes
    while (chunk.byteLength > 0) {
      if (this.#frame) chunk = this.#fill(this.#frame, chunk)
      else chunk = this.#begin(chunk)
    }
  }

  #begin(chunk: Buffer): Buffer {
    if (this.#prefix.byteLength + chunk.byteLength < kPrefix) {
      this.#prefix = Buffer.concat([this.#prefix, chunk])
      return chunk.subarray(chunk.byteLength)
    }
    const missing = kPrefix - this.#prefix.byteLength
    const prefix =
      missing === kPrefix ? chunk : Buffer.concat([this.#prefix, chunk.subarray(0, missing)])
    const length = prefix.readUInt32LE(0)
    this.#prefix = kNothing
    const body = chunk.subarray(missing)
    if (body.byteLength >= length) {
      this.#deliver(body.subarray(0, length), false)
      return body.subarray(length)
    }
    const before = (8 - (length % 8)) % 8
    this.#frame = Buffer.allocUnsafeSlow(before + length).subarray(before)
    this.#filled = 0
    return body
  }

  #fill(frame: Buffer, chunk: Buffer): Buffer {
    const take = Math.min(chunk.byteLength, frame.byteLength - this.#filled)
    chunk.copy(frame, this.#filled, 0, take)
    this.#filled += take
    if (this.#filled === frame.byteLength) {
      this.#frame = undefined
      this.#deliver(frame, true)
    }
    return chunk.subarray(take)
  }
}

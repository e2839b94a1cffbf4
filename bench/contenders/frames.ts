// Length-prefixed frames (uint32, little endian): writing many with one system call, and reading them.
//
// A frame that lies whole in the chunk is read in place (not owned: the chunk is reused). Any other gets
// memory of its own at once, for its whole length, and is filled as it arrives. That memory is placed so
// that the frame *ends* on a multiple of 8: an array at its end is then aligned and needs no copy.

const kPrefix = 4
const kNothing: Buffer = Buffer.alloc(0)
const kBatchBytes = 65_536
const kRoomBytes = 1 << 20

/** Reads the frame at [start, end) of `bytes`; `owned` when nobody will overwrite it. */
type Deliver = (bytes: Buffer, start: number, end: number, owned: boolean) => void

export class FrameReader {
  readonly #deliver: Deliver
  #large: Buffer | undefined
  #filled = 0
  #tail = kNothing
  #room = kNothing

  constructor(deliver: Deliver) {
    this.#deliver = deliver
  }

  /** Where the next bytes should go: where a large frame will be used, or else a buffer that is used again. */
  room(): Buffer {
    if (this.#large) return this.#large.subarray(this.#filled)
    if (this.#room === kNothing) this.#room = Buffer.allocUnsafeSlow(kRoomBytes)
    return this.#room
  }

  /** So many bytes are in `room()` now. */
  arrived(count: number): void {
    if (this.#large) {
      this.#filled += count
      this.#deliverIfWhole(this.#large)
    } else this.feed(this.#room.subarray(0, count))
  }

  feed(bytes: Buffer): void {
    let chunk = bytes
    if (this.#large) chunk = this.#fill(this.#large, chunk)
    if (this.#tail.byteLength > 0) {
      chunk = Buffer.concat([this.#tail, chunk])
      this.#tail = kNothing
    }
    let at = 0
    while (chunk.byteLength - at >= kPrefix) {
      const length = chunk.readUInt32LE(at)
      const start = at + kPrefix
      if (start + length > chunk.byteLength) {
        const before = (8 - (length % 8)) % 8
        this.#large = Buffer.allocUnsafeSlow(before + length).subarray(before)
        this.#filled = 0
        this.#fill(this.#large, chunk.subarray(start))
        return
      }
      at = start + length
      this.#deliver(chunk, start, at, false)
    }
    if (at < chunk.byteLength) this.#tail = Buffer.from(chunk.subarray(at))
  }

  /** Returns what lies behind the frame. */
  #fill(frame: Buffer, chunk: Buffer): Buffer {
    const take = Math.min(chunk.byteLength, frame.byteLength - this.#filled)
    chunk.copy(frame, this.#filled, 0, take)
    this.#filled += take
    this.#deliverIfWhole(frame)
    return chunk.subarray(take)
  }

  #deliverIfWhole(frame: Buffer): void {
    if (this.#filled < frame.byteLength) return
    this.#large = undefined
    this.#deliver(frame, 0, frame.byteLength, true)
  }
}

export class FrameWriter {
  readonly #write: (data: Uint8Array) => void
  #batch = Buffer.allocUnsafe(kBatchBytes)
  #used = 0

  constructor(write: (data: Uint8Array) => void) {
    this.#write = write
  }

  /** One frame: `head` and then `body`. Small frames of one turn travel together; a large body goes out uncopied. */
  push(head: Buffer, body = kNothing): void {
    const length = head.byteLength + body.byteLength
    if (this.#used + kPrefix > kBatchBytes) this.#flush()
    if (this.#used === 0) process.nextTick(() => this.#flush())
    this.#used = this.#batch.writeUInt32LE(length, this.#used)
    this.#append(head)
    this.#append(body)
  }

  /** What does not fit goes out by itself. */
  #append(bytes: Buffer): void {
    if (this.#used + bytes.byteLength > kBatchBytes) {
      this.#flush()
    }
    if (bytes.byteLength >= kBatchBytes) {
      this.#write(bytes)
      return
    }
    this.#batch.set(bytes, this.#used)
    this.#used += bytes.byteLength
  }

  #flush(): void {
    if (this.#used === 0) return
    this.#write(Buffer.from(this.#batch.subarray(0, this.#used))) // the socket may keep it for a while
    this.#used = 0
  }
}

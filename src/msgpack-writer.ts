/** Larger payloads are refused. FlatBuffers end at 2 GiB; Python refuses more than 1 GiB too. */
export const maxPayload = 0x3ff0_0000
const timestampType = -1 & 0xff
/** Payloads are cut from chunks: an ArrayBuffer for each would cost 0.3 µs. */
const chunkBytes = 16_384
/** A chunk with less room than this is left. */
const leastRoom = 2048
/** Up to here copying is cheaper than a view of the chunk. */
const shortBytes = 16
/** Below it a loop over an ASCII text is faster than `Buffer.write`, and the length fits the first byte. */
const shortText = 32

/** Writes MessagePack into a buffer that grows. Knows the format and nothing of JavaScript's values. */
export class MessagePackWriter {
  #bytes = new Uint8Array(chunkBytes)
  #view = new DataView(this.#bytes.buffer)
  #buffer = Buffer.from(this.#bytes.buffer)
  /** Where the current payload starts; what is before it belongs to others. */
  #start = 0
  #at = 0

  /** Forgets a payload that was not finished. */
  reset() {
    this.#at = this.#start
    if (this.#bytes.length > chunkBytes) this.#replace(chunkBytes)
  }

  /** Bytes of the current payload so far. */
  get length(): number {
    return this.#at - this.#start
  }

  /** The finished payload, owned by the caller. */
  take(): Uint8Array {
    const bytes = this.#bytes
    const start = this.#start
    const length = this.#at - start
    if (length <= shortBytes) {
      const copy = new Uint8Array(length)
      for (let i = 0; i < length; i++) copy[i] = bytes[start + i]!
      return copy
    }
    this.#start = (this.#at + 7) & ~7
    if (this.#start + leastRoom > chunkBytes) this.#replace(chunkBytes)
    return new Uint8Array(bytes.buffer, start, length)
  }

  byte(value: number) {
    if (this.#at + 1 > this.#bytes.length) this.#grow(1)
    this.#bytes[this.#at++] = value
  }

  number(value: number) {
    if (this.#at + 9 > this.#bytes.length) this.#grow(9)
    // -0 is a float: MessagePack's integers have no sign of zero.
    if ((value | 0) === value && (value !== 0 || !Object.is(value, -0))) {
      if (value >= -32 && value < 128) {
        this.#bytes[this.#at++] = value & 0xff
      } else if (value < 0 && value >= -0x8000) {
        this.#bytes[this.#at] = 0xd1
        this.#view.setInt16(this.#at + 1, value)
        this.#at += 3
      } else if (value >= 0 && value < 0x10000) {
        this.#bytes[this.#at] = 0xcd
        this.#view.setUint16(this.#at + 1, value)
        this.#at += 3
      } else {
        this.#bytes[this.#at] = 0xd2
        this.#view.setInt32(this.#at + 1, value)
        this.#at += 5
      }
    } else if (Number.isSafeInteger(value) && value !== 0) {
      this.#bytes[this.#at] = 0xd3
      this.#view.setInt32(this.#at + 1, Math.floor(value / 0x1_0000_0000))
      this.#view.setUint32(this.#at + 5, value >>> 0)
      this.#at += 9
    } else {
      this.#bytes[this.#at] = 0xcb
      this.#view.setFloat64(this.#at + 1, value)
      this.#at += 9
    }
  }

  /** An integer from -2^63 to 2^64 - 1. */
  int64(value: bigint) {
    if (this.#at + 9 > this.#bytes.length) this.#grow(9)
    this.#bytes[this.#at] = value < 0n ? 0xd3 : 0xcf
    this.#view.setBigUint64(this.#at + 1, BigInt.asUintN(64, value))
    this.#at += 9
  }

  /** False if `text` has a lone surrogate. */
  string(text: string): boolean {
    const { length } = text
    if (length >= shortText) return this.#longString(text)
    if (this.#at + shortText > this.#bytes.length) this.#grow(shortText)
    const bytes = this.#bytes
    let at = this.#at
    bytes[at++] = 0xa0 | length
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i)
      if (unit >= 0x80) return this.#longString(text)
      bytes[at++] = unit
    }
    this.#at = at
    return true
  }

  #longString(text: string): boolean {
    if (!(text as unknown as WellFormed).isWellFormed()) return false
    // The size of the length is chosen before the length is known: counting first would cost as much as writing.
    const most = text.length * 3
    const exact = most < 0x10000 ? most : Buffer.byteLength(text)
    if (this.#at + 5 + exact > this.#bytes.length) this.#grow(5 + exact)
    const start = this.#at
    const headerLength = exact < 0x100 ? 2 : exact < 0x10000 ? 3 : 5
    const length = this.#buffer.write(text, start + headerLength)
    this.#bytes[start] = headerLength === 2 ? 0xd9 : headerLength === 3 ? 0xda : 0xdb
    if (headerLength === 2) this.#bytes[start + 1] = length
    else if (headerLength === 3) this.#view.setUint16(start + 1, length)
    else this.#view.setUint32(start + 1, length)
    this.#at = start + headerLength + length
    return true
  }

  binary(source: Uint8Array) {
    const { length } = source
    if (this.#at + 5 + length > this.#bytes.length) this.#grow(5 + length)
    this.header(length, 0, 0, 0xc4)
    this.#bytes.set(source, this.#at)
    this.#at += length
  }

  /** MessagePack that was written before. */
  raw(source: Uint8Array) {
    const { length } = source
    if (this.#at + length > this.#bytes.length) this.#grow(length)
    this.#bytes.set(source, this.#at)
    this.#at += length
  }

  arrayHeader(length: number) {
    this.header(length, 0x90, 16, 0)
  }

  mapHeader(size: number) {
    this.header(size, 0x80, 16, 0)
  }

  /** Extension data of any length. */
  extension(type: number, data: Uint8Array) {
    const { length } = data
    if (this.#at + 6 + length > this.#bytes.length) this.#grow(6 + length)
    const fixed = [1, 2, 4, 8, 16].indexOf(length)
    if (fixed >= 0) this.byte(0xd4 + fixed)
    else this.header(length, 0, 0, 0xc7)
    this.byte(type & 0xff)
    this.#bytes.set(data, this.#at)
    this.#at += length
  }

  /** Milliseconds since 1970 as a timestamp of 32, 64 or 96 bits. */
  timestamp(time: number) {
    if (this.#at + 15 > this.#bytes.length) this.#grow(15)
    const seconds = Math.floor(time / 1000)
    const nanoseconds = (time - seconds * 1000) * 1e6
    const bytes = this.#bytes
    const view = this.#view
    const at = this.#at
    const high = Math.floor(seconds / 0x1_0000_0000)
    if (high === 0 && nanoseconds === 0) {
      bytes[at] = 0xd6
      bytes[at + 1] = timestampType
      view.setUint32(at + 2, seconds)
      this.#at += 6
    } else if (high >= 0 && high < 4) {
      bytes[at] = 0xd7
      bytes[at + 1] = timestampType
      view.setUint32(at + 2, nanoseconds * 4 + high)
      view.setUint32(at + 6, seconds)
      this.#at += 10
    } else {
      bytes[at] = 0xc7
      bytes[at + 1] = 12
      bytes[at + 2] = timestampType
      view.setUint32(at + 3, nanoseconds)
      view.setInt32(at + 7, high)
      view.setUint32(at + 11, seconds)
      this.#at += 15
    }
  }

  /** Extension data of 4 bytes. */
  extension4(type: number, value: number) {
    if (this.#at + 6 > this.#bytes.length) this.#grow(6)
    this.#bytes[this.#at] = 0xd6
    this.#bytes[this.#at + 1] = type
    this.#view.setUint32(this.#at + 2, value)
    this.#at += 6
  }

  /** A length below `fixedLimit` goes into the first byte; `code8` and the next two codes take 8, 16 and 32 bits. */
  header(length: number, fixed: number, fixedLimit: number, code8: number) {
    if (this.#at + 5 > this.#bytes.length) this.#grow(5)
    if (length < fixedLimit) {
      this.#bytes[this.#at++] = fixed | length
    } else if (length < 0x100 && code8 !== 0) {
      this.#bytes[this.#at] = code8
      this.#bytes[this.#at + 1] = length
      this.#at += 2
    } else if (length < 0x10000) {
      this.#bytes[this.#at] = code16(fixed, code8)
      this.#view.setUint16(this.#at + 1, length)
      this.#at += 3
    } else {
      this.#bytes[this.#at] = code16(fixed, code8) + 1
      this.#view.setUint32(this.#at + 1, length)
      this.#at += 5
    }
  }

  #grow(more: number) {
    const old = this.#bytes.subarray(this.#start, this.#at)
    const needed = old.length + more
    if (needed > maxPayload) throw new PayloadTooLarge()
    this.#replace(Math.min(maxPayload, Math.max(needed, old.length * 2, chunkBytes)))
    this.#bytes.set(old)
    this.#at = old.length
  }

  #replace(length: number) {
    this.#buffer = Buffer.allocUnsafeSlow(length)
    this.#bytes = new Uint8Array(this.#buffer.buffer)
    this.#view = new DataView(this.#bytes.buffer)
    this.#start = 0
    this.#at = 0
  }
}

/** The payload would pass `maxPayload`. */
export class PayloadTooLarge extends Error {}

const code16 = (fixed: number, code8: number) =>
  code8 !== 0 ? code8 + 1 : fixed === 0x90 ? 0xdc : 0xde

interface WellFormed {
  isWellFormed(): boolean
}

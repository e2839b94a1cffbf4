import { fromTwosComplement } from './bigint.js'
import {
  bigintExtension,
  functionExtension,
  maxDepth,
  objectExtension,
  tensorExtension,
} from './encode.js'
import { ProtocolError, ValueTypeError } from './errors.js'

// Reading calls no code of the user, so one set of variables is enough.
let bytes: Uint8Array
let at = 0
let end = 0
let depth = 0
let tensors: readonly unknown[]
let known: Known

// Views of the ArrayBuffer that payloads come from, which is nearly always the same one.
let memory = new ArrayBuffer(0) as ArrayBufferLike
let view = new DataView(memory)
let text = Buffer.from(memory)
/** Position of `bytes` in them. */
let origin = 0
/** The views of a larger buffer are not kept. */
const maxKept = 2 ** 22

const nothing = new Uint8Array(0)

/** Finds what an id stands for that went to Python before: a function, or an object in the worker. */
export type Known = (extension: number, id: number) => unknown

/** Reads exactly one value from `start` to `stop`; every length is checked before it is believed. */
export function decode(
  payload: Uint8Array,
  tensorsOfMessage: readonly unknown[],
  start: number,
  stop: number,
  knownToCaller: Known = nothingKnown,
): unknown {
  bytes = payload
  tensors = tensorsOfMessage
  known = knownToCaller
  origin = payload.byteOffset
  at = start
  end = stop
  depth = 0
  if (payload.buffer !== memory) look(payload.buffer)
  try {
    const value = read()
    if (at !== end) throw malformed(`it has ${end - at} bytes too many`)
    return value
  } finally {
    bytes = nothing
    tensors = nothingPlaced
    known = nothingKnown
    if (memory.byteLength > maxKept) look(nothing.buffer)
  }
}

const nothingPlaced: readonly unknown[] = []
const nothingKnown: Known = () => undefined

function look(buffer: ArrayBufferLike) {
  memory = buffer
  view = new DataView(buffer)
  text = Buffer.from(buffer)
}

function read(): unknown {
  if (at >= end) throw malformed('it ends in the middle of a value')
  const token = bytes[at++]!
  if (token < 0x80) return token
  if (token >= 0xe0) return token - 0x100
  if (token < 0x90) return readMap(token & 0x0f)
  if (token < 0xa0) return readArray(token & 0x0f)
  if (token < 0xc0) return readString(token & 0x1f)
  switch (token) {
    case 0xc0:
      return null
    case 0xc2:
      return false
    case 0xc3:
      return true
    case 0xc4:
      return readBinary(readUint(1))
    case 0xc5:
      return readBinary(readUint(2))
    case 0xc6:
      return readBinary(readUint(4))
    case 0xc7:
      return readExtension(readUint(1))
    case 0xc8:
      return readExtension(readUint(2))
    case 0xc9:
      return readExtension(readUint(4))
    case 0xca:
      return view.getFloat32(origin + skip(4))
    case 0xcb:
      return view.getFloat64(origin + skip(8))
    case 0xcc:
      return readUint(1)
    case 0xcd:
      return readUint(2)
    case 0xce:
      return readUint(4)
    case 0xcf:
      return readUint64()
    case 0xd0:
      return view.getInt8(origin + skip(1))
    case 0xd1:
      return view.getInt16(origin + skip(2))
    case 0xd2:
      return view.getInt32(origin + skip(4))
    case 0xd3:
      return readInt64()
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      return readExtension(1 << (token - 0xd4))
    case 0xd9:
      return readString(readUint(1))
    case 0xda:
      return readString(readUint(2))
    case 0xdb:
      return readString(readUint(4))
    case 0xdc:
      return readArray(readUint(2))
    case 0xdd:
      return readArray(readUint(4))
    case 0xde:
      return readMap(readUint(2))
    case 0xdf:
      return readMap(readUint(4))
    default:
      throw malformed('it has the byte 0xc1')
  }
}

/** Goes past `length` bytes that are there, and returns where they start in `bytes`. */
function skip(length: number): number {
  const start = at
  if (length > end - start) throw malformed('it ends in the middle of a value')
  at = start + length
  return start
}

function readUint(length: 1 | 2 | 4): number {
  const start = skip(length)
  if (length === 1) return bytes[start]!
  return length === 2 ? view.getUint16(origin + start) : view.getUint32(origin + start)
}

function readUint64(): number | bigint {
  const start = skip(8)
  const high = view.getUint32(origin + start)
  if (high < 0x20_0000) return high * 0x1_0000_0000 + view.getUint32(origin + start + 4)
  return view.getBigUint64(origin + start)
}

function readInt64(): number | bigint {
  const start = skip(8)
  const value = view.getInt32(origin + start) * 0x1_0000_0000 + view.getUint32(origin + start + 4)
  return Number.isSafeInteger(value) ? value : view.getBigInt64(origin + start)
}

/** Texts up to this length are read here if they are ASCII: calling into C++ costs more. */
const shortText = 16
const { fromCharCode } = String

function readString(length: number): string {
  const start = skip(length)
  if (length <= shortText) {
    const short = shortAscii(start, length)
    if (short !== undefined) return short
  }
  try {
    return text.toString('utf8', origin + start, origin + at)
  } catch {
    throw refused(`holds a text of ${length} bytes, longer than JavaScript can have`)
  }
}

function shortAscii(start: number, length: number): string | undefined {
  let or = 0
  for (let i = start; i < at; i++) or |= bytes[i]!
  if (or >= 0x80) return undefined
  const b = bytes
  let i = start
  let short = ''
  for (; i + 4 <= at; i += 4) short += fromCharCode(b[i]!, b[i + 1]!, b[i + 2]!, b[i + 3]!)
  const left = length & 3
  if (left === 3) short += fromCharCode(b[i]!, b[i + 1]!, b[i + 2]!)
  else if (left === 2) short += fromCharCode(b[i]!, b[i + 1]!)
  else if (left === 1) short += fromCharCode(b[i]!)
  return short
}

function readBinary(length: number): Buffer {
  const start = skip(length)
  return Buffer.from(bytes.subarray(start, at))
}

function readArray(length: number): unknown[] {
  enter(length)
  const list = new Array<unknown>(length)
  for (let i = 0; i < length; i++) list[i] = read()
  depth--
  return list
}

function readMap(size: number): Record<string, unknown> {
  enter(size * 2)
  const object: Record<string, unknown> = {}
  for (let i = 0; i < size; i++) {
    const key = readKey()
    const value = read()
    if (key === '__proto__')
      Object.defineProperty(object, key, {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      })
    else object[key] = value
  }
  depth--
  return object
}

/** Property names are strings; Python's dicts may also have numbers, booleans and None as keys. */
function readKey(): string {
  const token = at < end ? bytes[at]! : 0
  if (token > 0xa0 && token < 0xc0) return knownKey(token & 0x1f)
  const key = read()
  if (typeof key === 'string') return key
  if (typeof key === 'object' && key !== null)
    throw refused('has a dict whose keys are not strings or numbers')
  return String(key)
}

/** Keys read before: comparing is cheaper than making a string, and V8 knows it as a property name already. */
const keys = new Array<string>(512).fill('')

function knownKey(length: number): string {
  at++
  const start = skip(length)
  const hash = (bytes[start]! * 31 + bytes[at - 1]! * 7 + length) & 511
  const known = keys[hash]!
  if (known.length === length) {
    let i = 0
    while (i < length && known.charCodeAt(i) === bytes[start + i]) i++
    if (i === length) return known
  }
  at = start
  const key = readString(length)
  // Only ASCII, where a character is a byte: any other text has fewer characters than bytes.
  if (key.length === length) keys[hash] = key
  return key
}

function enter(values: number) {
  // Each value takes a byte, so a count that lies asks for no memory.
  if (values > end - at) throw malformed('it ends in the middle of a list or map')
  if (++depth > maxDepth) throw refused(`is nested more than ${maxDepth} levels deep`)
}

function readExtension(length: number): unknown {
  const type = view.getInt8(origin + skip(1))
  const start = skip(length)
  if (type === tensorExtension && length === 4) {
    const index = view.getUint32(origin + start)
    if (index < tensors.length) return tensors[index]
    throw malformed(`it names tensor ${index} of ${tensors.length}`)
  }
  if (type === bigintExtension) return readInteger(bytes.subarray(start, at))
  if ((type === functionExtension || type === objectExtension) && length === 4) {
    const found = known(type, view.getUint32(origin + start))
    if (found !== undefined) return found
    throw refused(
      `holds ${type === functionExtension ? 'a function' : 'an object'} that was given up`,
    )
  }
  if (type === -1) return readTimestamp(start, length)
  throw malformed(`it has extension type ${type} of ${length} bytes`)
}

function readInteger(digits: Uint8Array): number | bigint {
  let value: bigint
  try {
    value = fromTwosComplement(digits)
  } catch {
    throw refused(`holds an integer of ${digits.length} bytes, larger than JavaScript can have`)
  }
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

function readTimestamp(start: number, length: number): Date {
  let seconds = 0
  let nanoseconds = 0
  if (length === 4) seconds = view.getUint32(origin + start)
  else if (length === 8) {
    const word = view.getUint32(origin + start)
    nanoseconds = word >>> 2
    seconds = (word & 3) * 0x1_0000_0000 + view.getUint32(origin + start + 4)
  } else if (length === 12) {
    nanoseconds = view.getUint32(origin + start)
    seconds = view.getInt32(origin + start + 4) * 0x1_0000_0000 + view.getUint32(origin + start + 8)
  } else throw malformed(`it has a timestamp of ${length} bytes`)
  const date = new Date(seconds * 1000 + Math.floor(nanoseconds / 1e6))
  if (nanoseconds >= 1e9 || Number.isNaN(date.getTime())) throw malformed('a timestamp is invalid')
  return date
}

const malformed = (problem: string) => new ProtocolError(`MessagePack: ${problem}`)

const refused = (problem: string) =>
  new ValueTypeError(`result ${problem}; return something simpler`, 'result')

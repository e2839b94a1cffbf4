// Payloads that are no values of the user. What comes from Python is not taken for granted.
import { ProtocolError } from './errors.js'

/** The answer to a Create. @throws ProtocolError */
export function objectId(value: unknown): number {
  if (Number.isInteger(value) && (value as number) > 0 && (value as number) < 2 ** 32)
    return value as number
  throw new ProtocolError('the answer to a Create is not the id of an object')
}

/** @throws ProtocolError */
export function readProgress(value: unknown): [fraction: number, text: string | undefined] {
  const [fraction, text] = Array.isArray(value) ? (value as unknown[]) : []
  if (typeof fraction !== 'number' || (typeof text !== 'string' && text !== null))
    throw new ProtocolError('a Progress is not [fraction, text or nil]')
  return [fraction, text ?? undefined]
}

/** MessagePack of a number up to the largest window. */
export function creditPayload(count: number): Uint8Array {
  if (count < 0x80) return Uint8Array.of(count)
  return Uint8Array.of(0xce, count >>> 24, count >>> 16, count >>> 8, count)
}

// Payloads that are no values of the user. What comes from Python is not taken for granted.
import { ProtocolError } from './errors.js'
import { Tensor } from './tensor.js'

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

/** The answer to a batch. */
export interface BatchAnswer {
  /** One for each item; of a tensor, its rows. */
  readonly results: readonly unknown[] | Tensor
  /** What Python said of items that failed, by their index. */
  readonly errors: ReadonlyMap<number, unknown>
  /** Nanoseconds in the function. */
  readonly elapsed: number
}

/** @throws ProtocolError */
export function readBatchAnswer(value: unknown, size: number): BatchAnswer {
  const [results, errors, elapsed] = Array.isArray(value) ? (value as unknown[]) : []
  const rows = results instanceof Tensor && results.ndim > 1 ? results.shape[0] : undefined
  const count = Array.isArray(results) ? results.length : rows
  const failed = errors ?? []
  const isFailure = (pair: unknown) =>
    Array.isArray(pair) && Number.isInteger(pair[0]) && pair[0] >= 0 && pair[0] < size
  if (
    count !== size ||
    !Array.isArray(failed) ||
    !failed.every(isFailure) ||
    typeof elapsed !== 'number' ||
    !(elapsed >= 0 && elapsed < Infinity)
  )
    throw new ProtocolError(`the answer to a batch of ${size} is not [results, errors, elapsed]`)
  const known = new Map(failed as [number, unknown][])
  return { results: results as BatchAnswer['results'], errors: known, elapsed }
}

/** MessagePack of a number up to the largest window. */
export function creditPayload(count: number): Uint8Array {
  if (count < 0x80) return Uint8Array.of(count)
  return Uint8Array.of(0xce, count >>> 24, count >>> 16, count >>> 8, count)
}

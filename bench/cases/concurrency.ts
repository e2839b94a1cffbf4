// The Python side of the cases about streams, cancellation, callbacks and pools. Isthmus is loaded when it is
// started, not before: the processes of rivals and floors do without.
import type { Bridge, Pool, PoolOptions, SpawnOptions, Tensor } from 'isthmus'
import { WrongValueError } from '../contender.js'
import { source } from '../paths.js'

const file = source('cases', 'concurrency.py')

/** @param spin µs; undefined leaves the default */
export async function openBridge(
  spin: number | undefined,
  options: SpawnOptions = {},
): Promise<Bridge> {
  const { spawn } = await import('isthmus')
  return spawn(file, { ...options, ...(spin !== undefined && { spin }) })
}

export async function openPool(spin: number | undefined, options: PoolOptions): Promise<Pool> {
  const { pool } = await import('isthmus')
  return pool(file, { ...options, ...(spin !== undefined && { spin }) })
}

export const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined

export function tensorOf(value: unknown): Tensor {
  const is = typeof value === 'object' && value !== null && 'dispose' in value
  WrongValueError.unless(is, 'result', value, 'a tensor')
  return value as Tensor
}

export const kFrameBytes = 24e6
const kMarks = 1000 // as in concurrency.py

/** The frame with this index, or an error: it reads the frame where it lies, at both ends. */
export function frameOf(item: unknown, index: number): Tensor {
  const frame = tensorOf(item)
  const { data } = frame
  const mark = index % kMarks
  WrongValueError.unless(data.byteLength === kFrameBytes, 'frame', data.byteLength, kFrameBytes)
  WrongValueError.unless(data[0] === mark, 'first element of a frame', data[0], mark)
  const last = data[data.length - 1]
  WrongValueError.unless(last === mark, 'last element of a frame', last, mark)
  return frame
}

// A client's way to a model: `score`, or `null`, which does nothing and so shows what the way itself takes.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export type Model = 'null' | 'score'

export const columns = 19
/** The column that the null model returns. */
export const charges = 17
export const manyRows = 1000

export interface Session {
  one(model: Model, at: number): Promise<number>
  /** `manyRows` rows from `at`. */
  many(model: Model, at: number): Promise<ArrayLike<number>>
  close(): Promise<void>
}

export type Open = (rows: Float32Array, address: string) => Promise<Session>

export function floats(bytes: Uint8Array): Float32Array {
  if (bytes.byteOffset % 4 === 0)
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
  return new Float32Array(new Uint8Array(bytes).buffer) // `slice` of a Buffer would be a view
}

/** Rows `at` to `at + count`, as they are sent: a view. */
export const rowBytes = (rows: Float32Array, at: number, count: number): Buffer =>
  Buffer.from(rows.buffer, rows.byteOffset + at * columns * 4, count * columns * 4)

export function dataFolder(): string {
  const folder = process.env.CHURN_DATA
  if (folder === undefined) throw new Error('CHURN_DATA does not say where the data is')
  return folder
}

export const readFloats = (name: string): Float32Array =>
  floats(readFileSync(join(dataFolder(), name)))

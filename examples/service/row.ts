/** Numbers that the model takes. */
export const inputs = 256

/** The caller's mistake: the words go back with status 400. */
export class BadRequest extends Error {}

/** What was posted, as a row: a JSON object `{ "row": [256 numbers] }`, or 1024 bytes of float32, little-endian. */
export function rowOf(body: unknown): Float32Array {
  if (Buffer.isBuffer(body)) {
    if (body.length !== inputs * 4)
      throw new BadRequest(`a row is ${inputs * 4} bytes, and ${body.length} came`)
    // A copy: the bytes of a request need not begin where a Float32Array can.
    return new Float32Array(body.buffer.slice(body.byteOffset, body.byteOffset + body.length))
  }
  const row = (body as { row?: unknown } | null | undefined)?.row
  if (!Array.isArray(row)) throw new BadRequest('post { "row": [256 numbers] }')
  if (row.length !== inputs)
    throw new BadRequest(`a row has ${inputs} numbers, and ${row.length} came`)
  const wrong = row.findIndex(value => typeof value !== 'number')
  if (wrong >= 0) throw new BadRequest(`row[${wrong}] is no number: ${JSON.stringify(row[wrong])}`)
  return Float32Array.from(row as number[])
}

// A header that needs no serialiser, for rivals that write their own protocol.
// There: id, operation (uint32), two numbers (float64). Back: id, operation (uint32), one number (float64).
export const kRequestBytes = 24
export const kReplyBytes = 16

/** An operation is its place in this list, as in raw.py. */
const kOperations = [
  'add',
  'inbound',
  'outbound',
  'echo',
  'double',
  'numbers',
  'frames',
  'stop',
  'attach',
  'nested',
  'update',
] as const

const operations = new Map<string, number>(kOperations.map((name, index) => [name, index]))

export function rawRequest(id: number, name: string, a: unknown, b: unknown): Buffer {
  const head = Buffer.allocUnsafe(kRequestBytes)
  head.writeUInt32LE(id, 0)
  head.writeUInt32LE(operations.get(name) ?? kOperations.length, 4)
  head.writeDoubleLE(typeof a === 'number' ? a : 0, 8)
  head.writeDoubleLE(typeof b === 'number' ? b : 0, 16)
  return head
}

export const replyId = (bytes: Buffer, at: number): number => bytes.readUInt32LE(at)
export const replyNumber = (bytes: Buffer, at: number): number => bytes.readDoubleLE(at + 8)

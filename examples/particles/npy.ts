/**
 * numpy's file format, of float32 arrays in C order: from and to memory that exists, without a copy in between.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 *
 * The packages that npm has read a whole file into memory of their own, and the one that writes, npyjs 1.2.0, copies the
 * array into a buffer first. None of them compares what the header says with what the file holds.
 */
import { createHash } from 'node:crypto'
import { type FileHandle, open, writeFile } from 'node:fs/promises'

/** What is in the way of reading a file; `message` goes on after the name of the file. */
export class NpyError extends Error {
  readonly code = 'NPY'
}

/** As much as is hashed and written at a time: the event loop gets its turn in between. */
const PIECE_BYTES = 1 << 20

const MAGIC = Buffer.from('\x93NUMPY', 'latin1')
/** The length of the header is a multiple of this, so that the elements are aligned when the file is mapped. */
const ALIGNMENT = 64

/** Writes the array to the beginning of a file, and gives the SHA-256 of its bytes as hexadecimal digits. */
export async function writeNpy(
  file: FileHandle,
  shape: readonly number[],
  array: Float32Array,
): Promise<string> {
  const hash = createHash('sha256')
  function* pieces() {
    yield headerOf(shape)
    for (const piece of piecesOf(array)) {
      hash.update(piece)
      yield piece
    }
  }
  await writeFile(file, pieces())
  return hash.digest('hex')
}

/**
 * Fills `into` with the array of a file, and gives the SHA-256 of its bytes.
 * @throws NpyError if the file is not whole, or holds an array of another type or shape
 */
export async function readNpy(
  path: string,
  shape: readonly number[],
  into: Float32Array,
): Promise<string> {
  const file = await open(path)
  try {
    const header = await readHeader(file)
    if (header.descr !== '<f4' || header.fortranOrder)
      throw new NpyError(
        `must hold float32 in C order, not ${header.descr}${header.fortranOrder ? ' in Fortran order' : ''}`,
      )
    if (header.shape.join() !== shape.join())
      throw new NpyError(
        `must have the shape [${shape.join(', ')}], not [${header.shape.join(', ')}]`,
      )
    const expected = header.bytes + into.byteLength
    const { size } = await file.stat()
    if (size !== expected) throw new NpyError(`has ${size} bytes instead of ${expected}`)
    const hash = createHash('sha256')
    let at = header.bytes
    for (const piece of piecesOf(into)) {
      await fill(file, piece, at)
      hash.update(piece)
      at += piece.byteLength
    }
    return hash.digest('hex')
  } finally {
    await file.close()
  }
}

/** Of version 1.0 of the format. */
function headerOf(shape: readonly number[]): Buffer {
  const lengths = shape.map(length => `${length},`).join(' ')
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': (${lengths}), }`
  const used = MAGIC.length + 4
  const bytes = Math.ceil((used + dictionary.length + 1) / ALIGNMENT) * ALIGNMENT
  const header = Buffer.alloc(bytes, ' ')
  MAGIC.copy(header)
  header.writeUInt16LE(0x0001, MAGIC.length)
  header.writeUInt16LE(bytes - used, MAGIC.length + 2)
  header.write(`${dictionary.padEnd(bytes - used - 1)}\n`, used, 'latin1')
  return header
}

interface Header {
  /** Up to the first element. */
  bytes: number
  descr: string
  fortranOrder: boolean
  shape: number[]
}

async function readHeader(file: FileHandle): Promise<Header> {
  const head = await fill(file, Buffer.alloc(MAGIC.length + 2), 0)
  if (!head.subarray(0, MAGIC.length).equals(MAGIC)) throw new NpyError('is not an .npy file')
  const version = head[MAGIC.length]!
  if (version < 1 || version > 3)
    throw new NpyError(`has version ${version} of the format, not 1 to 3`)
  const wide = version > 1
  const length = await fill(file, Buffer.alloc(wide ? 4 : 2), head.length)
  const bytes = wide ? length.readUInt32LE() : length.readUInt16LE()
  if (bytes > 1 << 16) throw new NpyError(`says that its header has ${bytes} bytes`)
  const used = head.length + length.length
  const text = (await fill(file, Buffer.alloc(bytes), used)).toString('latin1')
  const descr = /'descr': *'([^']*)'/.exec(text)?.[1]
  const order = /'fortran_order': *(True|False)/.exec(text)?.[1]
  const shape = /'shape': *\(([\d, ]*)\)/.exec(text)?.[1]
  if (descr === undefined || order === undefined || shape === undefined)
    throw new NpyError(`has a header that is none: ${text.slice(0, 80).trim()}`)
  const lengths = shape.split(',').filter(part => part.trim() !== '')
  return { bytes: used + bytes, descr, fortranOrder: order === 'True', shape: lengths.map(Number) }
}

/** Reads from `at` until the piece is full. */
async function fill<Piece extends Uint8Array>(
  file: FileHandle,
  piece: Piece,
  at: number,
): Promise<Piece> {
  let done = 0
  while (done < piece.byteLength) {
    const { bytesRead } = await file.read(piece, done, piece.byteLength - done, at + done)
    if (bytesRead === 0) throw new NpyError('ends too early')
    done += bytesRead
  }
  return piece
}

/** Views of the array's own bytes. */
function* piecesOf({ buffer, byteOffset, byteLength }: Float32Array): Generator<Uint8Array> {
  for (let at = 0; at < byteLength; at += PIECE_BYTES)
    yield new Uint8Array(buffer, byteOffset + at, Math.min(PIECE_BYTES, byteLength - at))
}

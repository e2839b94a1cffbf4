// MessagePack over a Unix socket, or over stdio. A frame is a length (uint32, little endian) and one MessagePack array:
// [id, name, ...args] there, [id, result] back. msgpackr here, msgspec in Python.
import type { Session } from '../contender.js'
import { rivalPackage } from '../packages.js'
import { FrameReader, FrameWriter } from './frames.js'
import { MessageSession, type Source } from './messages.js'
import { type PythonProcess, startPython } from './python-process.js'
import { bytesOf } from './rival.js'
import { connectToPython } from './unix-socket.js'

const kArrayOf3 = 0x93
const kBytes32 = 0xc6
type Reply = [id: number, result: unknown]

class Msgpack extends MessageSession {
  protected readonly source: Source
  readonly #packr
  readonly #writer: FrameWriter
  readonly #server: PythonProcess

  constructor(server: PythonProcess, source: Source, write: (data: Uint8Array) => void) {
    super()
    const { Packr } = rivalPackage('msgpackr') as typeof import('msgpackr')
    this.#packr = new Packr({ useRecords: false })
    this.#writer = new FrameWriter(write)
    this.#server = server
    this.source = source
    server.died.catch((reason: Error) => this.fail(reason))
  }

  receive(bytes: Buffer, start: number, end: number, owned: boolean): void {
    const [id, result] = this.#packr.unpack(bytes, { start, end }) as Reply
    // A frame inside the read buffer will be overwritten: its array has to move out.
    const moves = result instanceof Uint8Array && !owned
    this.deliver(id, moves ? new Uint8Array(result) : result)
  }

  /** The bytes of an array follow their header without being copied into a message. */
  protected send(id: number, name: string, args: readonly unknown[]): void {
    const [first] = args
    if (first instanceof Float32Array)
      this.#writer.push(this.#headOf(id, name, first), bytesOf(first))
    else this.#writer.push(this.#packr.pack([id, name, ...args]))
  }

  #headOf(id: number, name: string, array: Float32Array): Buffer {
    const head = Buffer.concat([
      Buffer.of(kArrayOf3),
      this.#packr.pack(id),
      this.#packr.pack(name),
      Buffer.of(kBytes32, 0, 0, 0, 0),
    ])
    head.writeUInt32BE(array.byteLength, head.byteLength - 4)
    return head
  }

  nested(value: unknown): Promise<unknown> {
    return this.request('nested', [null, null, value])
  }

  close(): Promise<void> {
    return this.#server.stop()
  }
}

export async function startSocket(): Promise<Session> {
  const reader = new FrameReader((...frame) => session.receive(...frame))
  const { server, socket } = await connectToPython('msgpack_server.py', reader)
  const session = new Msgpack(server, socket, data => socket.write(data))
  return session
}

export async function startStdio(): Promise<Session> {
  const reader = new FrameReader((...frame) => session.receive(...frame))
  const server = startPython('msgpack_server.py', [], ['pipe', 'pipe', 'inherit'])
  const { stdin, stdout } = server.child
  if (!stdin || !stdout) throw new Error('stdin and stdout are not pipes')
  const session = new Msgpack(server, stdout, data => stdin.write(data))
  stdout.on('data', (chunk: Buffer) => reader.feed(chunk))
  await session.add(0, 0)
  return session
}

// MessagePack over a Unix socket. A frame is a length (uint32, little endian) and one MessagePack array:
// [id, name, ...args] there, [id, result] back. msgpackr here, msgspec in Python.
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Packr } from 'msgpackr'
import type { Session } from '../contender.js'
import { FrameReader, FrameWriter } from './frames.js'
import { firstOutput, type PythonProcess, startPython } from './python-process.js'
import { type Argument, bytesOf, floats, Pending, RivalSession } from './rival.js'

const kReadBytes = 1 << 20
type Reply = [id: number, result: number | Uint8Array]

class MsgpackSocket extends RivalSession {
  readonly #pending = new Pending<number | Uint8Array>()
  readonly #packr = new Packr({ useRecords: false })
  readonly #writer: FrameWriter

  constructor(
    readonly server: PythonProcess,
    readonly socket: Socket,
  ) {
    super()
    this.#writer = new FrameWriter(data => socket.write(data))
    server.died.catch((reason: Error) => this.#pending.rejectAll(reason))
  }

  receive(bytes: Buffer, start: number, end: number, owned: boolean): void {
    const [id, result] = this.#packr.unpack(bytes, { start, end }) as Reply
    // A frame inside the read buffer will be overwritten: its array has to move out.
    this.#pending.settle(id, typeof result === 'number' || owned ? result : new Uint8Array(result))
  }

  #call(name: string, args: Argument[]): Promise<number | Uint8Array> {
    const plain = args.map(arg => (typeof arg === 'number' ? arg : bytesOf(arg)))
    return this.#pending.open(id => this.#writer.push(this.#packr.pack([id, name, ...plain])))
  }

  protected number(name: string, args: Argument[]): Promise<number> {
    return this.#call(name, args).then(Number)
  }

  protected async array(name: string, args: Argument[]): Promise<Float32Array> {
    const result = await this.#call(name, args)
    if (typeof result === 'number') throw new TypeError(`${name} returned a number`)
    return floats(result)
  }

  async close(): Promise<void> {
    this.socket.destroy()
    await this.server.stop()
  }
}

/** One reused read buffer: no allocation for each chunk, and fewer, larger reads. */
async function open(server: PythonProcess, path: string): Promise<Session> {
  await firstOutput(server)
  const reader = new FrameReader((...frame) => session.receive(...frame))
  const socket = connect({
    path,
    onread: {
      buffer: Buffer.allocUnsafeSlow(kReadBytes),
      callback: (bytes, buffer) => {
        reader.feed(Buffer.from(buffer.buffer, buffer.byteOffset, bytes))
        return true
      },
    },
  })
  const session = new MsgpackSocket(server, socket)
  await once(socket, 'connect')
  return session
}

export async function start(): Promise<Session> {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-bench-'))
  const path = join(folder, 'socket')
  try {
    return await open(startPython('msgpack_socket.py', [path], ['ignore', 'pipe', 'inherit']), path)
  } finally {
    rmSync(folder, { recursive: true, force: true }) // connected, so the path is not needed any more
  }
}

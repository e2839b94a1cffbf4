// Raw bytes over a Unix socket: a header of a fixed size, then the bytes of the array. No serialiser.
import type { Session } from '../contender.js'
import { FrameReader, FrameWriter } from './frames.js'
import { MessageSession } from './messages.js'
import { kReplyBytes, rawRequest, replyId, replyNumber } from './raw.js'
import { bytesOf } from './rival.js'
import { type Connection, connectToPython } from './unix-socket.js'

export class RawSocket extends MessageSession {
  protected readonly source: Connection['socket']
  readonly #server: Connection['server']
  readonly #writer: FrameWriter

  constructor({ server, socket }: Connection) {
    super()
    this.source = socket
    this.#server = server
    this.#writer = new FrameWriter(data => socket.write(data))
    server.died.catch((reason: Error) => this.fail(reason))
  }

  receive(bytes: Buffer, start: number, end: number, owned: boolean): void {
    const id = replyId(bytes, start)
    const body = start + kReplyBytes
    const array = bytes.subarray(body, end)
    if (body === end) this.deliver(id, replyNumber(bytes, start))
    // A frame inside the read buffer will be overwritten: its array has to move out.
    else this.deliver(id, owned ? array : new Uint8Array(array))
  }

  protected send(id: number, name: string, args: readonly unknown[]): void {
    const [a, b] = args
    this.#writer.push(
      rawRequest(id, name, a, b),
      a instanceof Float32Array ? bytesOf(a) : undefined,
    )
  }

  close(): Promise<void> {
    return this.#server.stop()
  }
}

export async function start(): Promise<Session> {
  const reader = new FrameReader((...frame) => session.receive(...frame))
  const session = new RawSocket(await connectToPython('raw_server.py', reader))
  return session
}

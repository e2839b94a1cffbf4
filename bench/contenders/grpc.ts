// gRPC over a Unix socket, with a synchronous server or one on asyncio. A message is two numbers, or the bytes of an array.
import type { Parcel, Session } from '../contender.js'
import { GrpcConnection } from '../grpc.js'
import { firstOutput, type PythonProcess, startPython } from './python-process.js'
import { type Argument, bytesOf, floats, RivalSession } from './rival.js'
import { withSocketPath } from './unix-socket.js'

const pathOf = (name: string): string => `/bench/${name}`

function message([a, b]: readonly Argument[]): Buffer {
  if (a instanceof Float32Array) return bytesOf(a)
  const bytes = Buffer.allocUnsafe(16)
  bytes.writeDoubleLE(a ?? 0, 0)
  bytes.writeDoubleLE(typeof b === 'number' ? b : 0, 8)
  return bytes
}

class GrpcSession extends RivalSession {
  constructor(
    readonly server: PythonProcess,
    readonly connection: GrpcConnection,
  ) {
    super()
  }

  #call(name: string, bytes: Buffer): Promise<Buffer> {
    return this.connection.call(pathOf(name), bytes)
  }

  protected async number(name: string, args: readonly Argument[]): Promise<number> {
    return (await this.#call(name, message(args))).readDoubleLE(0)
  }

  protected async array(name: string, args: readonly Argument[]): Promise<Float32Array> {
    return floats(await this.#call(name, message(args)))
  }

  /** A schema of one's own would do without JSON; there is none for any value. */
  async nested(value: unknown): Promise<unknown> {
    const bytes = await this.#call('nested', Buffer.from(JSON.stringify(value)))
    return JSON.parse(bytes.toString())
  }

  async *numbers(): AsyncIterable<number> {
    for await (const bytes of this.connection.stream(pathOf('numbers'), message([])))
      yield bytes.readDoubleLE(0)
  }

  async *frames(bytes: number): AsyncIterable<Parcel> {
    for await (const frame of this.connection.stream(pathOf('frames'), message([bytes])))
      yield { data: floats(frame) }
  }

  async close(): Promise<void> {
    this.connection.close()
    await this.server.stop()
  }
}

function start(kind: 'sync' | 'aio'): Promise<Session> {
  return withSocketPath(async path => {
    const address = `unix:${path}`
    const server = startPython('grpc_server.py', [kind, address], ['pipe', 'pipe', 'inherit'])
    await firstOutput(server)
    const connection = new GrpcConnection(address)
    await connection.ready()
    return new GrpcSession(server, connection)
  })
}

export const startSync = (): Promise<Session> => start('sync')
export const startAio = (): Promise<Session> => start('aio')

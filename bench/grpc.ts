// @grpc/grpc-js with messages that are bytes: whoever calls encodes them, and nothing is spent on a schema.
import { rivalPackage } from './packages.js'

export const grpcPackage = '@grpc/grpc-js'

type Codec = (bytes: Buffer) => Buffer

interface ServerStream extends AsyncIterable<Buffer> {
  cancel(): void
  on(event: 'error', listener: (error: Error) => void): this
}

interface Client {
  makeUnaryRequest(
    path: string,
    serialize: Codec,
    deserialize: Codec,
    argument: Buffer,
    callback: (error: Error | null, value?: Buffer) => void,
  ): void
  makeServerStreamRequest(
    path: string,
    serialize: Codec,
    deserialize: Codec,
    argument: Buffer,
  ): ServerStream
  waitForReady(deadline: number, callback: (error?: Error) => void): void
  close(): void
}

interface Grpc {
  readonly Client: new (address: string, credentials: unknown, options?: object) => Client
  readonly credentials: { createInsecure(): unknown }
}

const same: Codec = bytes => bytes

/** A client; `call` sends bytes to a method and gives the bytes that it answers. */
export class GrpcConnection {
  readonly #client: Client

  /** @param address `host:port` or `unix:path` */
  constructor(address: string) {
    const grpc = rivalPackage(grpcPackage) as Grpc
    const options = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 }
    this.#client = new grpc.Client(address, grpc.credentials.createInsecure(), options)
  }

  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.waitForReady(Date.now() + 60_000, error => (error ? reject(error) : resolve()))
    })
  }

  call(method: string, argument: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(method, same, same, argument, (error, value) =>
        value ? resolve(value) : reject(error ?? new Error(`${method} answered nothing`)),
      )
    })
  }

  /** What a method answers again and again. Who leaves cancels it. */
  async *stream(method: string, argument: Buffer): AsyncIterable<Buffer> {
    const answers = this.#client.makeServerStreamRequest(method, same, same, argument)
    answers.on('error', () => undefined) // the reader has it, too; cancelling is one
    try {
      yield* answers
    } finally {
      answers.cancel()
    }
  }

  close(): void {
    this.#client.close()
  }
}

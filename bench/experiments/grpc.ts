// @grpc/grpc-js, installed when first needed into .cache: it is a rival, not a dependency.
// Messages are bytes, encoded by the arms: nothing is spent on a schema.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { cache } from './places.js'

const kVersion = '1.14.7'

export interface GrpcClient {
  makeUnaryRequest(
    path: string,
    serialize: (value: Buffer) => Buffer,
    deserialize: (bytes: Buffer) => Buffer,
    argument: Buffer,
    callback: (error: Error | null, value?: Buffer) => void,
  ): void
  waitForReady(deadline: number, callback: (error?: Error) => void): void
  close(): void
}

interface Grpc {
  readonly Client: new (address: string, credentials: unknown, options?: object) => GrpcClient
  readonly credentials: { createInsecure(): unknown }
}

export function installGrpc(): void {
  const folder = cache('grpc')
  const done = join(folder, 'installed')
  if (existsSync(done) && readFileSync(done, 'utf8') === kVersion) return
  mkdirSync(folder, { recursive: true })
  const manifest = { private: true, dependencies: { '@grpc/grpc-js': kVersion } }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
  process.stderr.write('installing @grpc/grpc-js\n')
  const args = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error']
  const { status, stderr } = spawnSync('npm', args, { cwd: folder, encoding: 'utf8' })
  if (status !== 0) throw new Error(`@grpc/grpc-js cannot be installed: ${stderr}`)
  writeFileSync(done, kVersion)
}

const same = (bytes: Buffer): Buffer => bytes

/** A connected client; `call` sends bytes to a method and gives the bytes that it answers. */
export class GrpcConnection {
  readonly #client: GrpcClient

  constructor(port: number) {
    const grpc = createRequire(join(cache('grpc'), 'package.json'))('@grpc/grpc-js') as Grpc
    const options = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 }
    this.#client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), options)
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

  close(): void {
    this.#client.close()
  }
}

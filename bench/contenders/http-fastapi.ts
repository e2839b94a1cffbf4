// HTTP: FastAPI on uvicorn (uvloop, httptools), undici with kept-alive connections, binary bodies.
import type { Pool } from 'undici'
import type { Parcel, Session } from '../contender.js'
import { rivalPackage } from '../packages.js'
import { firstOutput, type PythonProcess, startPython } from './python-process.js'
import { type Argument, bytesOf, floats, RivalSession } from './rival.js'

const kConnections = 64
const jsonHeaders = { 'content-type': 'application/json' }
const binaryHeaders = { 'content-type': 'application/octet-stream' }

class HttpFastapi extends RivalSession {
  constructor(
    readonly server: PythonProcess,
    readonly pool: Pool,
  ) {
    super()
  }

  /** Numbers go in a JSON body; an array is the body. */
  async #post(name: string, args: readonly unknown[]): ReturnType<Pool['request']> {
    const [first] = args
    const binary = first instanceof Float32Array
    const response = await this.pool.request({
      method: 'POST',
      path: `/${name}`,
      headers: binary ? binaryHeaders : jsonHeaders,
      body: binary ? bytesOf(first) : JSON.stringify(args),
    })
    if (response.statusCode !== 200) throw new Error(`${name}: HTTP ${response.statusCode}`)
    return response
  }

  protected async number(name: string, args: readonly Argument[]): Promise<number> {
    const { body } = await this.#post(name, args)
    return (await body.json()) as number
  }

  protected async array(name: string, args: readonly Argument[]): Promise<Float32Array> {
    const { body } = await this.#post(name, args)
    return new Float32Array(await body.arrayBuffer())
  }

  async nested(value: unknown): Promise<unknown> {
    const { body } = await this.#post('nested', [value])
    return body.json()
  }

  /** Lines of JSON: each chunk holds many. */
  async *numbers(): AsyncIterable<number> {
    const { body } = await this.#post('numbers', [])
    let tail = ''
    for await (const chunk of body.setEncoding('utf8') as AsyncIterable<string>) {
      const lines = (tail + chunk).split('\n')
      tail = lines.pop() ?? ''
      for (const line of lines) yield Number(line)
    }
  }

  /** All bodies are as long as each other, so nothing has to say where one ends. */
  async *frames(bytes: number): AsyncIterable<Parcel> {
    const { body } = await this.#post('frames', [bytes])
    let frame = new Uint8Array(bytes)
    let filled = 0
    for await (const chunk of body as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.byteLength; ) {
        const part = chunk.subarray(at, at + bytes - filled)
        frame.set(part, filled)
        at += part.byteLength
        filled += part.byteLength
        if (filled < bytes) continue
        yield { data: floats(frame) }
        frame = new Uint8Array(bytes)
        filled = 0
      }
    }
  }

  async close(): Promise<void> {
    await this.pool.destroy()
    await this.server.stop()
  }
}

export async function start(): Promise<Session> {
  const server = startPython('http_fastapi.py', [], ['pipe', 'pipe', 'inherit'])
  const port = Number(await firstOutput(server))
  const undici = rivalPackage('undici') as typeof import('undici')
  const pool = new undici.Pool(`http://127.0.0.1:${port}`, {
    connections: kConnections,
    pipelining: 1,
    bodyTimeout: 0,
    headersTimeout: 0,
  })
  const session = new HttpFastapi(server, pool)
  await Promise.race([session.add(0, 0), server.died])
  return session
}

// HTTP: FastAPI on uvicorn (uvloop, httptools), undici with kept-alive connections, binary bodies.
import type { Pool } from 'undici'
import type { Session } from '../contender.js'
import { rivalPackage } from '../packages.js'
import { firstOutput, type PythonProcess, startPython } from './python-process.js'
import { type Argument, bytesOf, RivalSession } from './rival.js'

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
  async #post(name: string, args: readonly Argument[]): ReturnType<Pool['request']> {
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

// undici with one kept-alive connection and binary bodies.
import { Client } from 'undici'
import { type Model, manyRows, type Open, rowBytes } from './session.js'

export const open: Open = async (rows, port) => {
  const client = new Client(`http://127.0.0.1:${port}`)
  const headers = { 'content-type': 'application/octet-stream' }
  async function post(model: Model, body: Buffer): Promise<Float32Array> {
    const response = await client.request({ method: 'POST', path: `/${model}`, headers, body })
    if (response.statusCode !== 200) throw new Error(`${model}: HTTP ${response.statusCode}`)
    return new Float32Array(await response.body.arrayBuffer())
  }
  return {
    one: async (model, at) => (await post(model, rowBytes(rows, at, 1)))[0]!,
    many: (model, at) => post(model, rowBytes(rows, at, manyRows)),
    close: () => client.close(),
  }
}

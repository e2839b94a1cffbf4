// FastAPI and undici: kept-alive connections, plain bodies, eight requests under way.
import { Pool } from 'undici'
import { startServer } from '../server.js'
import { labelEach } from './texts.js'

const server = await startServer('reviews/fastapi_server.py')
const client = new Pool(`http://127.0.0.1:${server.port}`, {
  connections: 8,
  bodyTimeout: 0,
  headersTimeout: 0,
})
await labelEach(async text => {
  const { statusCode, body } = await client.request({ method: 'POST', path: '/label', body: text })
  if (statusCode !== 200) throw new Error(`HTTP ${statusCode}`)
  return body.text()
}, 8)
await client.destroy()
await server.stop()

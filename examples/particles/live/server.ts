// The server of the live view: the page's files, and a socket for each page that looks.
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { Engine, type Settings } from './engine.js'
import { Meter } from './meter.js'
import { type Answer, type Figures, socketPath } from './page/protocol.js'
import { answerWithFile, refuse } from './page-files.js'
import { Viewer } from './viewer.js'

export interface ServerOptions extends Settings {
  /** 0: any free one. */
  readonly port: number
  /** A page that takes nothing of what is sent to it for so long is disconnected. */
  readonly stallMs?: number
  /** Without any page for so long, the simulation rests until there is one. */
  readonly restAfterMs?: number
}

/** Longer messages end their connection. */
const longestRequest = 1024

/** Each may hold one state, so this bounds memory. */
const mostViewers = 16

const figuresEveryMs = 500

export interface Live extends AsyncDisposable {
  readonly url: string
  readonly engine: Engine
  readonly viewers: ReadonlySet<Viewer>
  figures(): Figures
}

/** @throws with code EADDRINUSE when the port is taken */
export async function serve(options: ServerOptions): Promise<Live> {
  const { port, stallMs = 10_000, restAfterMs = 30_000, ...settings } = options
  const viewers = new Set<Viewer>()
  const http = createServer((request, response) => {
    if (isLocal(request)) answerWithFile(request, response)
    else refuse(response, 403, 'this server answers to 127.0.0.1 and localhost only')
  })
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: longestRequest,
    // Browsers send no pings, and answers to a flood of them would have to be kept.
    autoPong: false,
  })
  // Before the simulation is started: a port that is taken is known at once.
  http.listen(port, '127.0.0.1')
  await once(http, 'listening')
  const engine = await Engine.open(settings).catch(error => {
    http.close()
    http.closeAllConnections()
    throw error
  })
  const meter = new Meter(engine, viewers)

  http.on('upgrade', (request, socket, head) => {
    const refusal = refusalOf(request, viewers.size)
    if (refusal !== undefined) return refuseUpgrade(socket, refusal)
    sockets.handleUpgrade(request, socket, head, connection => {
      const viewer = new Viewer(connection, engine)
      viewers.add(viewer)
      connection.on('close', () => {
        viewers.delete(viewer)
        aloneSince = performance.now()
      })
      engine.rest(false)
      viewer.say(meter.status())
      viewer.say(meter.history())
    })
  })

  const toAll = (answer: Answer) => {
    for (const viewer of viewers) viewer.say(answer)
  }
  engine.on('state', () => {
    for (const viewer of viewers) viewer.next()
  })
  engine.on('status', () => toAll(meter.status()))
  engine.on('run', () => toAll(meter.history()))

  let aloneSince = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    toAll(meter.figures())
    for (const viewer of viewers) if (viewer.stalledFor(now) > stallMs) viewer.end()
    if (viewers.size === 0 && now - aloneSince > restAfterMs) engine.rest(true)
  }, figuresEveryMs)

  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/`,
    engine,
    viewers,
    figures: () => meter.figures(),
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      const closed = once(http, 'close')
      http.close()
      for (const viewer of viewers) viewer.end()
      sockets.close()
      http.closeAllConnections()
      await Promise.all([closed, engine[Symbol.asyncDispose]()])
    },
  }
}

/** Whether the browser meant this machine: a name that an attacker lets point here is none of these. */
function isLocal({ headers: { host } }: IncomingMessage): boolean {
  return /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(host ?? '')
}

function refusalOf(request: IncomingMessage, viewers: number): string | undefined {
  const { host, origin } = request.headers
  if (!isLocal(request)) return '403 Forbidden'
  // Any page may open a socket to any address; the browser says which page it is. Programs say nothing.
  if (origin !== undefined && origin !== `http://${host}`) return '403 Forbidden'
  if (request.url !== socketPath) return '404 Not Found'
  return viewers >= mostViewers ? '503 Service Unavailable' : undefined
}

function refuseUpgrade(socket: Duplex, refusal: string): void {
  socket.on('error', () => socket.destroy())
  // A client that never closes its end would keep the server from closing.
  socket.once('finish', () => socket.destroy())
  socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

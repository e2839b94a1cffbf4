import { once } from 'node:events'
import { request } from 'node:http'
import { type AddressInfo, createServer, Socket } from 'node:net'
import t from 'tap'
import { WebSocket } from 'ws'
import { gone } from '../../../test/fixtures/processes.js'
import { until, within } from '../../../test/fixtures/watchdog.js'
import { Client } from './client.js'
import type { Failure, Figures, Status } from './page/protocol.js'
import { type Live, type ServerOptions, serve } from './server.js'

const settings = { particles: 400, dt: 0.05, seed: 1, temperature: 0.01, swirl: 0.5, workers: 1 }

async function started(t: Tap, options: Partial<ServerOptions> = {}): Promise<Live> {
  const live = await serve({ port: 0, ...settings, ...options })
  t.teardown(() => live[Symbol.asyncDispose]())
  return live
}
type Tap = Pick<typeof t, 'teardown'>

const statusWhere = async (client: Client, holds: (status: Status) => boolean) =>
  within(
    'a status',
    new Promise<Status>(resolve => {
      client.on('status', status => holds(status) && resolve(status))
      if (holds(client.status)) resolve(client.status)
    }),
    () => client.status,
  )

const paused = (client: Client) => {
  client.ask({ ask: 'pause' })
  return statusWhere(client, ({ phase }) => phase === 'paused')
}

const states = ({ engine }: Live) => engine.simulation.stats().states

/** Status and headers of an answer. */
async function get(url: string, path: string, { method = 'GET', headers = {} } = {}) {
  const asked = request(new URL(path, url), { method, headers }).end()
  const [response] = await once(asked, 'response')
  response.resume()
  await once(response, 'end')
  return { status: response.statusCode, headers: response.headers }
}

/** The status with which a socket is refused. */
async function refusal(url: string, path: string, headers: Record<string, string>) {
  const socket = new WebSocket(new URL(path, url), { headers })
  socket.on('error', () => {})
  const [, response] = await once(socket, 'unexpected-response')
  return response.statusCode
}

t.test('files: the page and what it loads, nothing else, to this machine only', async t => {
  const { url } = await started(t)
  for (const path of ['/', '/style.css', '/uplot.js', '/uplot.css', '/icon.svg', '/inferno.js'])
    t.equal((await get(url, path)).status, 200, path)
  const page = await get(url, '/')
  t.match(page.headers['content-security-policy'], /default-src 'none'/)
  t.equal((await get(url, '/live/page/main.js?x=1')).status, 200)
  for (const path of [
    '/server.js',
    '/live/page/main.ts',
    '/../main.js',
    '/live/page/%2e%2e/main.js',
  ])
    t.equal((await get(url, path)).status, 404, path)
  t.equal((await get(url, '/', { method: 'POST' })).status, 405)
  t.equal((await get(url, '/', { headers: { host: 'rebound.example' } })).status, 403)
  t.equal((await get(url, '/', { headers: { host: 'localhost:1' } })).status, 200)
})

t.test('sockets: other pages, other names and other paths are refused', async t => {
  const { url } = await started(t)
  t.equal(await refusal(url, '/live', { origin: 'http://other.example' }), 403)
  t.equal(await refusal(url, '/live', { origin: 'http://127.0.0.1:1' }), 403)
  t.equal(
    await refusal(url, '/live', { host: 'rebound.example', origin: 'http://rebound.example' }),
    403,
  )
  t.equal(await refusal(url, '/other', {}), 404)
  const own = new WebSocket(new URL('/live', url), { origin: url.slice(0, -1) })
  await once(own, 'open')
  own.terminate()
})

t.test('a viewer too many is refused, and has a place when another one goes', async t => {
  const live = await started(t)
  const clients = await Promise.all(Array.from({ length: 16 }, () => Client.connect(live.url)))
  t.equal(await refusal(live.url, '/live', {}), 503)
  await clients[0]!.close()
  await until('a place', () => live.viewers.size === 15)
  const again = await Client.connect(live.url)
  await Promise.all([...clients, again].map(client => client.close()))
})

t.test('frames: when they are asked for, each newer, from the bytes that numpy writes', async t => {
  const live = await started(t)
  const client = await Client.connect(live.url)
  const first = await client.frame()
  const second = await client.frame()
  t.equal(first.particles, 400)
  t.ok(second.step > first.step)
  for (const { positions, velocities } of [first, second]) {
    t.ok(positions.every(x => x >= 0 && x <= 1))
    t.ok(velocities.some(v => v !== 0))
  }
  await paused(client)
  // It has the newest state: another frame comes when there is another state, and until then none.
  const last = await client.frame()
  t.equal(last.step, live.engine.step)
  const written = t.capture(Socket.prototype, 'write', Socket.prototype.write)
  client.ask({ ask: 'step' })
  const next = await client.frame()
  t.equal(next.step, last.step + 1)
  using held = live.engine.hold()
  const sent = new Uint8Array(next.positions.buffer, next.positions.byteOffset, 16 * 400)
  t.ok(Buffer.compare(sent, held.bytes) === 0, 'byte for byte')
  const chunks = written().map(({ args: [chunk] }) => chunk as unknown as Uint8Array)
  t.ok(
    chunks.some(chunk => chunk.buffer === held.planes.buffer && chunk.byteLength === 16 * 400),
    'the socket is given the shared memory itself',
  )
  t.equal(live.figures().copiedBytes, 0)
  t.equal(client.frames, 4)
  await client.close()
})

t.test('controls: each does what it says', async t => {
  const live = await started(t)
  const client = await Client.connect(live.url)
  const { step } = await paused(client)
  client.ask({ ask: 'step' })
  t.match(await statusWhere(client, status => status.step !== step), {
    step: step + 1,
    phase: 'paused',
  })

  const before = live.engine.time
  client.ask({ ask: 'dt', value: 0.1 })
  client.ask({ ask: 'step' })
  await statusWhere(client, status => status.step === step + 2)
  t.ok(Math.abs(live.engine.time - before - 0.1) < 1e-9)

  client.ask({ ask: 'temperature', value: 0.5 })
  await statusWhere(client, status => status.temperature === 0.5)
  t.ok(Math.abs(live.engine.energy.kinetic / 400 - 0.5) < 1e-4, `${live.engine.energy.kinetic}`)

  client.ask({ ask: 'particles', value: 900 })
  t.match(await statusWhere(client, status => status.run === 2), {
    particles: 900,
    step: 0,
    phase: 'paused',
  })
  t.match(await client.frame(), { particles: 900, run: 2, step: 0 })

  client.ask({ ask: 'reset', value: 7 })
  await statusWhere(client, status => status.run === 3)
  const seven = await client.frame()
  client.ask({ ask: 'reset', value: 7 })
  await statusWhere(client, status => status.run === 4)
  const { positions } = await client.frame()
  t.ok(
    positions.every((x, at) => x === seven.positions[at]),
    'the same seed, the same run',
  )

  client.ask({ ask: 'resume' })
  await statusWhere(client, ({ phase }) => phase === 'running')
  await until('it goes on', () => live.engine.step > 3)
  await client.close()
})

t.test('requests that are none are answered, and the simulation goes on', async t => {
  const live = await started(t)
  const client = await Client.connect(live.url)
  const cases: [string | Uint8Array, RegExp][] = [
    ['', /is JSON/],
    ['{"ask":', /is JSON/],
    ['[]', /JSON object/],
    ['null', /JSON object/],
    ['{}', /unknown request undefined/],
    ['{"ask":"quit"}', /unknown request "quit"; there are frame, pause/],
    ['{"ask":"constructor","value":1}', /unknown request/],
    ['{"ask":"pause","value":1}', /takes no value/],
    ['{"ask":"pause","now":1}', /has no "now"/],
    ['{"ask":"dt"}', /dt must be a number from 0.001 to 0.2/],
    ['{"ask":"dt","value":"0.1"}', /not "0.1"/],
    ['{"ask":"dt","value":1e99}', /dt must be/],
    ['{"ask":"particles","value":1.5}', /whole number/],
    ['{"ask":"particles","value":1e9}', /to 1000000/],
    ['{"ask":"temperature","value":-1}', /temperature must be/],
    ['{"ask":"reset","value":null}', /not null/],
    [new Uint8Array([1, 2, 3]), /is JSON/],
  ]
  for (const [message, text] of cases) {
    const failure = once(client, 'failure') as Promise<[Failure]>
    client.send(message)
    t.match((await within(String(message), failure))[0].text, text)
  }
  await paused(client)
  await client.frame()
  const failure = once(client, 'failure') as Promise<[Failure]>
  for (let asked = 0; asked < 3; asked++) client.ask({ ask: 'frame' })
  t.match((await failure)[0].text, /2 frames have been asked for/)
  const closed = once(client, 'closed')
  client.send(' '.repeat(2000))
  t.same(await closed, [1009], 'a message that is too long ends the connection')
  t.equal((await Client.connect(live.url)).status.phase, 'paused')
})

t.test(
  'a viewer that does not read holds one state, slows nobody, and is disconnected',
  async t => {
    const particles = 100_000
    const live = await started(t, { particles, stallMs: 1500 })
    const other = await Client.connect(live.url)
    other.receive(2)
    const stalled = await Client.connect(live.url)
    stalled.stall()
    const closed = once(stalled, 'closed')
    const asking = setInterval(() => stalled.ask({ ask: 'frame' }), 5)
    const held = await most(live, async () => {
      await until(
        'it is disconnected',
        () => live.viewers.size === 1,
        () => live.figures(),
      )
    })
    clearInterval(asking)
    // The current one, the one that is written, one for each viewer, and one that is kept for the next.
    t.ok(held <= 5, `${held} states`)
    const frames = other.frames
    await until('the other one gets frames', () => other.frames > frames + 3)
    await other.close()
    await stalled.close()
    await closed
    await until('nobody holds a state', () => states(live) <= 3)
  },
)

/** The highest number of states at the end of any step. */
async function most(live: Live, work: () => Promise<void>): Promise<number> {
  let highest = 0
  const look = () => {
    highest = Math.max(highest, states(live))
  }
  live.engine.on('state', look)
  await work()
  live.engine.off('state', look)
  return highest
}

t.test('figures: what the page shows', async t => {
  const live = await started(t)
  const client = await Client.connect(live.url)
  const next = () => once(client, 'figures') as Promise<[Figures]>
  const [first] = await next()
  const [second] = await next()
  t.ok(second.step > first.step)
  t.ok(second.sharedBytes > first.sharedBytes)
  t.ok(second.stepsPerSecond > 0)
  t.ok(second.crossing.p99 >= second.crossing.p50 && second.crossing.p50 > 0)
  t.match(second, { copiedBytes: 0, viewers: 1, run: 1 })
  for (const mb of Object.values(second.memory)) t.ok(mb > 0.01, `${mb} MB`)
  const energy = ({ kinetic, potential }: Figures['energy']) => kinetic + potential
  t.ok(Math.abs(energy(second.energy) / energy(live.engine.history[0]!) - 1) < 0.02)
  await client.close()
})

t.test('without viewers the simulation rests, and goes on when one comes', async t => {
  const live = await started(t, { restAfterMs: 0 })
  await until('it rests', () => live.engine.phase === 'resting')
  const { step } = live.engine
  const client = await Client.connect(live.url)
  t.ok((await client.frame()).step >= step)
  await until('it goes on', () => live.engine.step > step)
  t.equal(live.engine.phase, 'running')
  await client.close()
  await until('it rests again', () => live.engine.phase === 'resting')
})

t.test('Python dies: the page is told, and can start again', async t => {
  const live = await started(t)
  const client = await Client.connect(live.url)
  process.kill(live.engine.simulation.stats().pids[0]!, 'SIGKILL')
  t.match(await statusWhere(client, ({ phase }) => phase === 'failed'), {
    reason: /exited|killed|SIGKILL/,
  })
  const failure = once(client, 'failure') as Promise<[Failure]>
  client.ask({ ask: 'step' })
  t.match((await failure)[0].text, /start again/)
  client.ask({ ask: 'reset', value: 1 })
  await statusWhere(client, ({ phase, run }) => phase === 'running' && run === 2)
  await until('it goes on', () => live.engine.step > 3)
  await client.close()
})

t.test('several processes compute a step together', async t => {
  const live = await started(t, { workers: 2, particles: 2000 })
  const client = await Client.connect(live.url)
  t.equal(live.engine.simulation.stats().pids.length, 2)
  const { step } = await client.frame()
  t.ok((await client.frame()).step > step)
  await client.close()
})

t.test('closing ends viewers, sockets and processes', async () => {
  const live = await serve({ port: 0, ...settings })
  const { port } = new URL(live.url)
  const refused = new Socket({ allowHalfOpen: true }).connect(Number(port), '127.0.0.1')
  refused.write(
    `GET /live HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nOrigin: http://other.example\r\n` +
      'Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  )
  await once(refused, 'data')
  const client = await Client.connect(live.url)
  client.receive(2)
  const { pids } = live.engine.simulation.stats()
  const closed = once(client, 'closed')
  await within('a refused one never closes its end', Promise.resolve(live[Symbol.asyncDispose]()))
  refused.destroy()
  await within('the client hears of it', closed)
  await Promise.all(pids.map(gone))
})

t.test('a port that is in use is an error before anything is started', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await t.rejects(serve({ ...settings, port }), { code: 'EADDRINUSE' })
  server.close()
})

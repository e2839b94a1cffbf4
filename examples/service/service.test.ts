import { spawn as start } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Test } from '../../test/fixtures/bridges.js'
import { gatesOf } from '../../test/fixtures/gates.js'
import { until } from '../../test/fixtures/watchdog.js'
import { service } from './service.js'

const held = new URL('./held.py', import.meta.url)
const row = (first = 1) => new Float32Array(256).fill(1).fill(first, 0, 1)
const settings = { workers: 1, maxQueue: 256, timeout: 60_000 }

const jsonOf = async (answer: Response) =>
  (await answer.json()) as { label?: number; probability?: number; error?: string }

type Options = Partial<Parameters<typeof service>[0]>

async function serving(t: Test, options: Options & Pick<Parameters<typeof service>[0], 'model'>) {
  const { app, workers, close } = await service({ ...settings, ...options })
  t.teardown(close)
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  const post = (body: object | Float32Array | string, signal?: AbortSignal) =>
    predict(address, body, signal)
  const read = async (path: string) => (await fetch(`${address}${path}`)).text()
  return { workers, address, post, read }
}

function predict(address: string, body: object | Float32Array | string, signal?: AbortSignal) {
  const binary = body instanceof Float32Array
  return fetch(`${address}/predict`, {
    method: 'POST',
    headers: { 'content-type': binary ? 'application/octet-stream' : 'application/json' },
    body: binary
      ? new Uint8Array(body.buffer as ArrayBuffer)
      : typeof body === 'string'
        ? body
        : JSON.stringify(body),
    ...(signal && { signal }),
  })
}

t.test('a row as JSON and as bytes has the same prediction', async t => {
  const { post, read } = await serving(t, { model: new URL('./model.py', import.meta.url) })
  const answers = await Promise.all([post({ row: [...row()] }), post(row())])
  const [json, bytes] = await Promise.all(answers.map(jsonOf))
  t.match(json, { label: Number, probability: Number })
  t.equal(json?.label, bytes?.label)
  t.strictSame(JSON.parse(await read('/health')), { status: 'ok', workers: ['ready'] })

  t.test(
    'what is no row is answered 400, and says why; others at that time get theirs',
    async t => {
      const bad: [object | Float32Array | string, RegExp][] = [
        [{ row: [1, 2] }, /256 numbers, and 2 came/],
        [{ row: Array(256).fill('1') }, /row\[0\] is no number: "1"/],
        [{}, /post \{ "row"/],
        ['null', /post \{ "row"/],
        ['{', /JSON/],
        [new Float32Array(3), /1024 bytes, and 12 came/],
        [row(Number.NaN), /NaN/],
        [row(Number.POSITIVE_INFINITY), /infinity/],
      ]
      const [good, ...answers] = await Promise.all([
        post(row()),
        ...bad.map(([body]) => post(body)),
      ])
      t.equal(good.status, 200)
      for (const [at, answer] of answers.entries()) {
        t.equal(answer.status, 400)
        t.match((await jsonOf(answer)).error, bad[at]![1])
      }
      t.equal((await post(`{"row":[${'1,'.repeat(40_000)}1]}`)).status, 413)
    },
  )

  t.test('metrics count requests by status, rows and batches', async t => {
    const text = await read('/metrics')
    t.match(text, /http_request_duration_seconds_count\{route="\/predict",status="200"\} 3\n/)
    t.match(text, /http_request_duration_seconds_count\{route="\/predict",status="400"\} 8\n/)
    // Three good rows, and two that only Python can tell.
    t.match(text, /\npredict_rows_total 5\n/)
    t.match(text, /\npredict_batches_total [1-5]\n/)
    t.match(text, /\npredict_batch_rows\{quantile="0.99"\} [1-5]\n/)
    t.match(text, /\nworkers\{state="ready"\} 1\n/)
  })
})

t.test('overload is answered 503 with Retry-After, and what was accepted is answered', async t => {
  const gate = gatesOf(t)()
  const { post } = await serving(t, { model: held, maxQueue: 3, env: { GATE: gate.path } })
  const requests = Array.from({ length: 40 }, (_, at) => post(row(at)))
  const refused = await Promise.race(requests)
  t.equal(refused.status, 503)
  t.equal(refused.headers.get('retry-after'), '1')
  gate.open()
  const answers = await Promise.all(requests)
  const accepted = answers.flatMap((answer, at) =>
    answer.status === 200 ? [[answer, at] as const] : [],
  )
  t.ok(accepted.length >= 4, `${accepted.length} accepted`)
  t.ok(answers.every(({ status }) => status === 200 || status === 503))
  for (const [answer, at] of accepted) t.equal((await jsonOf(answer)).label, at)
  t.equal((await post(row())).status, 200)
})

t.test('no prediction in time is 504', async t => {
  const gate = gatesOf(t)()
  const { post } = await serving(t, { model: held, timeout: 50, env: { GATE: gate.path } })
  t.equal((await post(row())).status, 504)
  gate.open()
})

t.test(
  'a model that hangs is killed when its requests have timed out, and started again',
  async t => {
    const gate = gatesOf(t)()
    gate.open()
    const { post, workers } = await serving(t, {
      model: held,
      timeout: 200,
      env: { GATE: gate.path },
    })
    const { pid } = workers.stats().workers[0]!
    t.equal((await post(row(-1))).status, 504)
    await until('another worker answers', async () => (await post(row())).status === 200)
    t.not(workers.stats().workers[0]!.pid, pid)
  },
)

t.test('a client that goes away leaves the queue', async t => {
  const gate = gatesOf(t)()
  const { post, workers } = await serving(t, { model: held, env: { GATE: gate.path } })
  const waiting = () => workers.stats().batches.predict?.waiting ?? 0
  const controller = new AbortController()
  // Two batches of the model may be under way: more than that waits.
  const requests = Array.from({ length: 20 }, () =>
    post(row(), controller.signal).catch(() => 'gone'),
  )
  await until('rows wait', () => waiting() > 0)
  controller.abort()
  t.strictSame(new Set(await Promise.all(requests)), new Set(['gone']))
  await until('none waits', () => waiting() === 0)
  gate.open()
  t.equal((await post(row())).status, 200)
})

t.test(
  'a worker that dies: its requests are answered 503, later ones by the next worker',
  async t => {
    const gate = gatesOf(t)()
    const { post, read, workers } = await serving(t, { model: held, env: { GATE: gate.path } })
    const request = post(row())
    await until('it runs', () => workers.stats().workers[0]!.running > 0)
    process.kill(workers.stats().workers[0]!.pid, 'SIGKILL')
    const answer = await request
    t.equal(answer.status, 503)
    t.equal(answer.headers.get('retry-after'), '1')
    gate.open()
    t.equal((await post(row())).status, 200)
    t.match(await read('/metrics'), /\nworker_restarts_total 1\n/)
  },
)

t.test(
  'SIGTERM: requests that were accepted are answered, then the process ends with 0',
  async t => {
    const gate = gatesOf(t)()
    const child = start(process.execPath, [fileURLToPath(new URL('./main.js', import.meta.url))], {
      env: {
        ...process.env,
        PORT: '0',
        WORKERS: '1',
        TIMEOUT: '60000',
        MODEL: fileURLToPath(held),
        GATE: gate.path,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    const exited = once(child, 'exit')
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
    const address = line.replace('listening on ', '')
    const requests = Array.from({ length: 10 }, (_, at) => predict(address, row(at)))
    const inFlight = async () =>
      /\nhttp_requests_in_flight (\d+)\n/.exec(await (await fetch(`${address}/metrics`)).text())
    await until('all are there', async () => (await inFlight())?.[1] === '11') // the one that asks is the last
    child.kill('SIGTERM')
    const refuses = () =>
      fetch(`${address}/health`).then(
        ({ ok }) => !ok,
        () => true,
      )
    await until('it takes no more', refuses)
    gate.open()
    for (const [at, request] of requests.entries()) {
      const answer = await request
      t.equal(answer.status, 200)
      t.equal((await jsonOf(answer)).label, at)
    }
    t.strictSame(await exited, [0, null])
  },
)

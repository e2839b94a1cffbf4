// Predictions over HTTP: each request is one row, and Python gets the rows in batches.
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { type Pool, pool } from 'isthmus'
import { failureOf } from './failure.js'
import { metricsOf } from './metrics.js'
import { rowOf } from './row.js'

export interface ServiceOptions {
  /** The Python file; it has a batch function `predict`. */
  readonly model: URL | string
  readonly workers: number
  /** Rows that may wait; further requests are answered 503. */
  readonly maxQueue: number
  /** Milliseconds until a request is answered 504. */
  readonly timeout: number
  readonly env?: Readonly<Record<string, string>>
}

export interface Service {
  readonly app: FastifyInstance
  readonly workers: Pool
  /** Takes no new requests, answers those that were made, and ends the workers. */
  close(): Promise<void>
}

export async function service(options: ServiceOptions): Promise<Service> {
  const { model, timeout, ...rest } = options
  const workers = await pool(model, { ...rest, timeout, stdout: 'ignore' })
  const metrics = metricsOf(workers)
  const app = fastify({
    bodyLimit: 65_536,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
  })

  let closing = false

  app.addContentTypeParser(
    'application/octet-stream',
    { parseAs: 'buffer' },
    (_request, body, done) => done(null, body),
  )

  app.post('/predict', async (request, reply) => {
    const row = rowOf(request.body)
    // A model that hangs in native code is killed when nobody waits for it any more, and started again.
    return workers.with({ signal: whileConnected(reply), kill: timeout }).call('predict', row)
  })

  app.get('/health', async (_request, reply) => {
    const states = workers.stats().workers.map(({ state }) => state)
    const ok = states.includes('ready')
    return reply.code(ok ? 200 : 503).send({ status: ok ? 'ok' : 'down', workers: states })
  })

  app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  )

  app.setErrorHandler((error, _request, reply) => {
    const failure = statusOfFastify(error) ?? failureOf(error)
    if (failure.status === 500) console.error(error)
    if (failure.retryAfter !== undefined) reply.header('retry-after', failure.retryAfter)
    return reply.code(failure.status).send({ error: failure.error })
  })

  // Fastify closes the connections that are idle when it ends; those that are not would stay open for the next request.
  app.addHook('onSend', async (_request, reply) => {
    if (closing) reply.header('connection', 'close')
  })

  app.addHook('onRequest', async (request, reply) => {
    const answered = metrics.started()
    // Also of a request whose client went away; nobody saw its status then.
    reply.raw.once('close', () => {
      const status = reply.raw.writableFinished ? reply.statusCode : 499
      answered(request.routeOptions.url ?? 'none', status, reply.elapsedTime / 1000)
    })
  })

  const close = async () => {
    closing = true
    await app.close()
    await workers.close({ grace: timeout })
  }
  return { app, workers, close }
}

/** Aborts when the client goes away before its answer: the row leaves the queue. */
function whileConnected({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController()
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort()
  })
  return controller.signal
}

/** What Fastify itself refuses: a body that is too long, or no JSON. */
function statusOfFastify(error: unknown) {
  const { statusCode, message } = error as { statusCode?: number; message: string }
  return statusCode === undefined
    ? undefined
    : { status: statusCode, error: message, retryAfter: undefined }
}

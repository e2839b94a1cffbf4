// Requests by autocannon: as fast as they are answered, or at a rate.
import { setTimeout as sleep } from 'node:timers/promises'
import autocannon from 'autocannon'

export interface Answer {
  /** Seconds since the run began. */
  readonly at: number
  readonly status: number
  readonly ms: number
}

export interface Offered {
  readonly answers: readonly Answer[]
  /** Requests without an answer: the connection failed, or nothing came for ten seconds. */
  readonly unanswered: number
}

const random = new Float32Array(256).map((_, at) => Math.sin(at * at))
const request = {
  method: 'POST',
  headers: { 'content-type': 'application/octet-stream' },
  body: Buffer.from(random.buffer),
} as const

/** So many connections, each with one request at a time. */
export const saturate = (url: string, connections: number, seconds: number) =>
  collect([{ url, connections, duration: seconds }])

/** So many parts of the load are spread over a second: autocannon itself sends a second's requests at its beginning. */
const parts = 25

/**
 * So many requests per second, whether they are answered or not: each connection sends one per second, or two.
 * A connection waits for its answer before it sends again, so answers must take less than half a second to keep the rate.
 */
export function offer(url: string, rate: number, seconds: number): Promise<Offered> {
  const each = Math.max(1, Math.round(rate / parts))
  const connections = Math.ceil(each / (rate > 2000 ? 2 : 1))
  return collect(
    Array.from({ length: parts }, () => ({
      url,
      connections,
      overallRate: each,
      duration: seconds,
    })),
  )
}

async function collect(runs: readonly autocannon.Options[]): Promise<Offered> {
  const answers: Answer[] = []
  const results = runs.map(async (options, at) => {
    await sleep((at * 1000) / runs.length)
    return cannon(options, (status, ms) =>
      answers.push({ at: performance.now() / 1000, status, ms }),
    )
  })
  const unanswered = (await Promise.all(results)).reduce((sum, { errors }) => sum + errors, 0)
  return { answers, unanswered }
}

/** `answered` is told each answer's status, and after how many milliseconds it came. */
const cannon = (options: autocannon.Options, answered: (status: number, ms: number) => void) =>
  new Promise<autocannon.Result>((resolve, reject) => {
    const instance = autocannon({ ...options, requests: [request] }, (error, result) =>
      error ? reject(error) : resolve(result),
    )
    instance.on('response', (_client, status, _bytes, ms) => answered(status, ms))
  })

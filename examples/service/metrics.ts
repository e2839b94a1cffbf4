import type { Pool } from 'isthmus'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

const states = ['ready', 'starting', 'down'] as const

export interface Metrics {
  readonly registry: Registry
  /** A request has come; the function that it gives is called when its answer has gone. */
  started(): (route: string, status: number, seconds: number) => void
}

/** What Prometheus reads: requests as they are answered, and figures of the pool when it asks. */
export function metricsOf(pool: Pool): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const labelNames = ['route', 'status']
  const requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'From the request to its answer',
    labelNames,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers,
  })

  const inFlight = new Gauge({
    name: 'http_requests_in_flight',
    help: 'Requests that are not answered yet',
    registers,
  })

  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  const counter = (name: string, help: string, value: () => number) =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(value())
      },
    })
  const quantiles = (name: string, help: string, read: () => Quantiles, unit: number) =>
    new Gauge({
      name,
      help,
      labelNames: ['quantile'],
      registers,
      collect() {
        const { p50, p90, p99 } = read()
        this.set({ quantile: '0.5' }, p50 * unit)
        this.set({ quantile: '0.9' }, p90 * unit)
        this.set({ quantile: '0.99' }, p99 * unit)
      },
    })

  // Before the first call of it, a batch function has no figures.
  const predict = () => pool.stats().batches.predict ?? none
  gauge('predict_waiting', 'Rows that wait for a batch to be sent', () => predict().waiting)
  gauge('predict_running', 'Batches under way', () => predict().running)
  counter('predict_rows_total', 'Rows sent to the model', () => predict().items)
  counter('predict_batches_total', 'Batches sent to the model', () => predict().batches)
  quantiles('predict_batch_rows', 'Rows of a batch', () => predict().size, 1)
  quantiles('predict_wait_seconds', 'Before a row was sent', () => predict().wait, 1e-6)

  new Gauge({
    name: 'workers',
    help: 'Python processes by state',
    labelNames: ['state'],
    registers,
    collect() {
      const { workers } = pool.stats()
      for (const state of states)
        this.set({ state }, workers.filter(worker => worker.state === state).length)
    },
  })
  counter('worker_restarts_total', 'Python processes that were started again', () =>
    pool.stats().workers.reduce((sum, { restarts }) => sum + restarts, 0),
  )
  gauge('shared_memory_bytes', 'Shared memory in use', () => pool.stats().physicalBytes)

  return {
    registry,
    started() {
      inFlight.inc()
      return (route, status, seconds) => {
        inFlight.dec()
        requests.observe({ route, status }, seconds)
      }
    },
  }
}

type Quantiles = { readonly p50: number; readonly p90: number; readonly p99: number }

const nothing: Quantiles = { p50: 0, p90: 0, p99: 0 }
const none = { waiting: 0, running: 0, items: 0, batches: 0, size: nothing, wait: nothing }

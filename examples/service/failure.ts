import { AbortError, IsthmusError, PythonError, QueueFullError, TimeoutError } from 'isthmus'
import { BadRequest } from './row.js'

/** What an HTTP client is told. */
export interface Failure {
  readonly status: number
  readonly error: string
  /** Seconds after which another attempt makes sense. */
  readonly retryAfter?: number
}

/** What goes wrong in Python stays in the log, except for what the model says about the row. */
export function failureOf(error: unknown): Failure {
  if (error instanceof BadRequest) return { status: 400, error: error.message }
  if (error instanceof PythonError)
    return /(^|\.)BadRow$/.test(error.type)
      ? { status: 400, error: error.pythonMessage }
      : { status: 500, error: 'the model failed' }
  if (error instanceof QueueFullError)
    return { status: 503, error: 'too many requests are waiting', retryAfter: 1 }
  if (error instanceof TimeoutError)
    return { status: 504, error: `no prediction within ${error.timeout} ms` }
  // Nobody reads it; the number is for the metrics.
  if (error instanceof AbortError) return { status: 499, error: 'the client has gone' }
  if (error instanceof IsthmusError && passing.has(error.code))
    return { status: 503, error: 'no worker at the moment', retryAfter: 1 }
  return { status: 500, error: 'internal error' }
}

/** Another attempt may find another worker, or memory. */
const passing = new Set(['ERR_WORKER_EXITED', 'ERR_RESTART_LIMIT', 'ERR_CLOSED', 'ERR_ARENA_FULL'])

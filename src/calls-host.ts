// What the calls of a worker are told, and what they ask of it.
import type { LogRecord } from './log.js'
import type { SenderOptions } from './sender.js'

/** What a worker does for its calls. */
export interface CallsHost {
  /** It cannot be used any more. */
  failed(error: Error): void
  /** Makes the main thread of the process look at what it was told. */
  interrupt(): void
  /** @param name the function that goes on */
  kill(name: string): void
  log(record: LogRecord): void
  /** A call was answered, while calls wait for this worker. */
  room(): void
  /** Why it has ended, as far as is known while the event loop stands still. */
  ended(): Error
}

export interface CallsOptions extends SenderOptions {
  /** Threads on which the worker runs plain functions. */
  readonly threads: number
  /** Milliseconds for calls that are given none, of objects; 0: no limit. */
  readonly timeout: number
  /** The worker measures how long functions run. */
  readonly timed?: boolean
}

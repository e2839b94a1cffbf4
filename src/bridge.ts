import { CallingEmitter } from './caller.js'
import type { Exit } from './child.js'
import type { LogRecord } from './log.js'
import { noCallOptions } from './options.js'
import { type BridgeStats, readStats } from './stats.js'
import { type TensorMaker, tensorMaker } from './tensor-maker.js'
import type { Worker } from './worker.js'

/** Events of a bridge. */
interface BridgeEvents {
  /** A line that Python printed. */
  stdout: [line: string]
  stderr: [line: string]
  /** A record of Python's `logging`. */
  log: [record: LogRecord]
  /** The worker has ended. */
  exit: [exit: Exit]
}

/** One persistent Python process. Made by `spawn()`. */
export class Bridge extends CallingEmitter<BridgeEvents> implements AsyncDisposable {
  /** Makes tensors in shared memory. */
  readonly tensor: TensorMaker
  readonly #worker: Worker
  #closing: Promise<void> | undefined

  /** @internal */
  constructor(worker: Worker, timeout: number) {
    const { calls } = worker
    super(
      {
        call: (kind, name, args, kwargs, options) => calls.call(kind, name, args, kwargs, options),
        callSync: (kind, name, args, kwargs, options) =>
          calls.callSync(kind, name, args, kwargs, options),
        stream: (name, args, kwargs, options) => calls.stream(name, args, kwargs, options),
      },
      timeout > 0 ? { ...noCallOptions, timeout } : undefined,
    )
    this.#worker = worker
    this.tensor = tensorMaker(worker.memory)
  }

  /** Process id of the worker. */
  get pid(): number {
    return this.#worker.pid
  }

  get closed(): boolean {
    return this.#worker.memory.closed
  }

  /** Figures of both processes since the start: bytes copied and shared, leases, memory. */
  stats(): BridgeStats {
    const { memory, calls } = this.#worker
    return readStats(memory.native.stats(), this.#worker.stats(), calls)
  }

  /**
   * Ends the worker. Calls that are pending reject with ClosedError; tensors that were delivered stay valid.
   * Resolves when the process is gone.
   */
  close(): Promise<void> {
    this.#closing ??= this.#worker.close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

import type { BatchHistograms } from './batch-figures.js'
import { BatchRoute } from './batch-route.js'
import { CallingEmitter } from './caller.js'
import type { Exit } from './child.js'
import { Dispatcher } from './dispatcher.js'
import { EarlyEvents } from './early-events.js'
import { ClosedError } from './errors.js'
import type { LogRecord } from './log.js'
import type { Memory } from './memory.js'
import type { ResolvedOptions } from './options.js'
import { resolveCloseOptions } from './pool-options.js'
import { type BridgeStats, readStats } from './stats.js'
import { type CloseOptions, type Launched, type Restart, Supervisor } from './supervisor.js'
import { type TensorMaker, tensorMaker } from './tensor-maker.js'
import { SourceWatcher } from './watch.js'
import type { Worker, WorkerEvents } from './worker.js'

/** Events of a bridge. */
interface BridgeEvents {
  /** A line that Python printed. */
  stdout: [line: string]
  stderr: [line: string]
  /** A record of Python's `logging`. */
  log: [record: LogRecord]
  /** The worker has ended. */
  exit: [exit: Exit]
  /** It was started again, and is ready. */
  restart: [restart: Restart]
  /** It could not be started again, or stays down. Emitted only if somebody listens. */
  error: [error: Error]
}

/** One persistent Python process. Made by `spawn()`. */
export class Bridge extends CallingEmitter<BridgeEvents> implements AsyncDisposable {
  /** Makes tensors in shared memory. */
  readonly tensor: TensorMaker
  /** Of functions that take batches, by name: how many items had a batch, and how long they waited. They can be reset. */
  readonly batches: ReadonlyMap<string, BatchHistograms>
  readonly #memory: Memory
  readonly #supervisor: Supervisor
  /** For calls while there is no worker. */
  readonly #waiting: Dispatcher
  readonly #batching: BatchRoute
  /** A worker that has ended is the last one. */
  readonly #single: boolean
  readonly #state: { closing: Promise<void> | undefined }
  /** The last worker that was started. */
  #worker: Worker | undefined
  #watcher: SourceWatcher | undefined
  readonly #early = new EarlyEvents()

  /** @param launch starts a process @internal */
  constructor(
    memory: Memory,
    { restart, watch, maxQueue, timeout }: ResolvedOptions,
    launch: (events: WorkerEvents) => Worker,
  ) {
    const supervisor = new Supervisor(
      0,
      restart,
      launched => {
        this.#worker = launch(this.#heard(launched))
        return this.#worker
      },
      {
        ready: () => {
          this.#batching.ready(supervisor.worker)
          this.#waiting.ready(0)
        },
        restarted: event => this.#tell(() => this.emit('restart', event)),
        exited: exit => {
          if (this.#single) this.#memory.close()
          this.#tell(() => this.emit('exit', exit))
        },
        failed: error => this.#complain(error),
        down: error => this.#down(error),
      },
    )
    const unlimited = { concurrency: Infinity, window: Infinity, maxQueue }
    const waiting = new Dispatcher(memory, [supervisor], unlimited, {
      waiting: () => {},
      answered: () => {},
    })
    const state = { closing: undefined }
    /** Calls go straight to the worker, if there is one that takes them. */
    const route = () =>
      (state.closing === undefined ? supervisor.worker?.calls : undefined) ?? waiting
    const batching = new BatchRoute(route, {
      memory,
      maxQueue,
      workers: () => 1,
      slotFor: () => undefined,
      carrier: route,
    })
    super(batching, timeout)
    this.#memory = memory
    this.#supervisor = supervisor
    this.#waiting = waiting
    this.#batching = batching
    this.batches = batching.histograms
    this.#state = state
    this.#single = restart === false && !watch
    this.tensor = tensorMaker(memory)
  }

  /** @param folder whose sources are watched @internal */
  async start(folder: string | undefined): Promise<void> {
    try {
      await this.#supervisor.start()
    } catch (error) {
      this.#memory.close()
      throw error
    }
    if (folder !== undefined)
      this.#watcher = new SourceWatcher(folder, () => this.#supervisor.replace())
    this.#early.open()
  }

  /** Process id of the worker; after it has ended, of the last one. */
  get pid(): number {
    return this.#supervisor.pid
  }

  /** No call is taken any more. */
  get closed(): boolean {
    const { worker, down } = this.#supervisor
    return this.#state.closing !== undefined || down !== undefined || (this.#single && !worker)
  }

  /** Figures of both processes since the start of the worker: bytes copied and shared, leases, memory. */
  stats(): BridgeStats {
    const worker = this.#worker!
    const batches = this.#batching.stats()
    return readStats(this.#memory.native.stats(), worker.stats(), worker.calls, batches)
  }

  /**
   * Ends the worker. Calls that are pending reject with ClosedError, after `grace` milliseconds in which they may
   * finish; `force` kills the process at once. Tensors that were delivered stay valid. Resolves when the process is gone.
   */
  close(options?: CloseOptions): Promise<void> {
    const given = resolveCloseOptions(options)
    const reason = new ClosedError()
    this.#batching.flush()
    this.#waiting.refuse(reason)
    this.#watcher?.close()
    // While calls may finish, functions of Node that they call may make tensors.
    if (given.force || given.grace === 0) this.#memory.closed = true
    const closing = this.#supervisor.close(given, reason)
    this.#waiting.rejectQueued(reason)
    this.#state.closing ??= closing.then(() => this.#memory.close())
    return this.#state.closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #heard(launched: Launched): WorkerEvents {
    return {
      ...launched,
      line: (stream, text) => this.#emit(() => this.emit(stream, text)),
      log: record => this.#tell(() => this.emit('log', record)),
    }
  }

  #down(error: Error): void {
    this.#waiting.down(0)
    if (this.#single) this.#memory.closed = true
    else this.#complain(error)
  }

  #complain(error: Error): void {
    this.#tell(() => this.listenerCount('error') > 0 && this.emit('error', error))
  }

  /** A listener that throws must not throw into what the event is about. */
  #tell(event: () => unknown): void {
    this.#emit(() => queueMicrotask(event as () => void))
  }

  #emit(event: () => unknown): void {
    this.#early.tell(event)
  }
}

// What a user of several workers holds: calls go to whichever of them is free, tensors to all of them without a copy.
import type { BatchHistograms } from './batch-figures.js'
import { BatchRoute } from './batch-route.js'
import { CallingEmitter } from './caller.js'
import type { Exit } from './child.js'
import { Dispatcher } from './dispatcher.js'
import { EarlyEvents } from './early-events.js'
import { ClosedError } from './errors.js'
import { splitKwargs } from './kwargs.js'
import type { LogRecord } from './log.js'
import { type Chunk, type MapOptions, map } from './map.js'
import type { Memory } from './memory.js'
import { noCallOptions, type ResolvedCallOptions } from './options.js'
import { type ResolvedPoolOptions, resolveCloseOptions } from './pool-options.js'
import { type PoolStats, readPoolStats } from './pool-stats.js'
import { type CloseOptions, type Launched, type Restart, Supervisor } from './supervisor.js'
import type { Tensor } from './tensor.js'
import { type TensorMaker, tensorMaker } from './tensor-maker.js'
import { createHistograms, type Histograms, record } from './timings.js'
import { SourceWatcher } from './watch.js'
import { Kind } from './wire.js'
import type { Worker, WorkerEvents } from './worker.js'

/** How a worker of a pool ended. */
export interface PoolExit extends Exit {
  readonly pid: number
  /** Its place in the pool, from 0. */
  readonly worker: number
}

/** Events of a pool; `worker` is a worker's place in it, from 0. */
interface PoolEvents {
  /** A line that Python printed. */
  stdout: [line: string, worker: number]
  stderr: [line: string, worker: number]
  /** A record of Python's `logging`. */
  log: [record: LogRecord, worker: number]
  /** A worker has ended. */
  exit: [exit: PoolExit]
  /** A worker was started again, and is ready. */
  restart: [restart: Restart]
  /** A worker could not be started again, or stays down. Emitted only if somebody listens. */
  error: [error: Error]
  /** Calls were waiting, and none is any more. */
  drain: []
}

/** Several persistent Python processes that serve the same module. Made by `pool()`. */
export class Pool extends CallingEmitter<PoolEvents> implements AsyncDisposable {
  /** Makes tensors in shared memory, which all workers see. */
  readonly tensor: TensorMaker
  /** How long calls waited, ran and were under way, in nanoseconds; they can be reset. */
  readonly histograms: Histograms
  /** Of functions that take batches, by name: how many items had a batch, and how long they waited. They can be reset. */
  readonly batches: ReadonlyMap<string, BatchHistograms>
  readonly #memory: Memory
  readonly #supervisors: readonly Supervisor[]
  readonly #dispatcher: Dispatcher
  readonly #batching: BatchRoute
  readonly #concurrency: number
  readonly #threads: number
  readonly #defaults: ResolvedCallOptions | undefined
  #watcher: SourceWatcher | undefined
  #closing: Promise<void> | undefined
  /** Called when no call waits any more. */
  #onDrained: (() => void) | undefined
  readonly #early = new EarlyEvents()

  /** @param launch starts a process @internal */
  constructor(
    memory: Memory,
    workers: number,
    settings: ResolvedPoolOptions,
    launch: (events: WorkerEvents) => Worker,
  ) {
    const { timeout, window, maxQueue, restart } = settings
    const concurrency = settings.concurrency ?? settings.threads
    const supervisors = Array.from(
      { length: workers },
      (_, at) =>
        new Supervisor(at, restart, launched => launch(this.#heard(at, launched)), {
          ready: () => {
            batching.ready(supervisors[at]!.worker)
            dispatcher.ready(at)
          },
          restarted: restart => this.#tell(() => this.emit('restart', restart)),
          exited: (exit, pid) => this.#tell(() => this.emit('exit', { ...exit, pid, worker: at })),
          failed: error => this.#complain(error),
          down: error => {
            dispatcher.down(at)
            this.#complain(error)
          },
        }),
    )
    const histograms = createHistograms()
    const dispatcher = new Dispatcher(
      memory,
      supervisors,
      { concurrency, window, maxQueue },
      {
        waiting: any => this.#waiting(any),
        answered: (called, sent, elapsed) =>
          record(histograms, called, sent, performance.now(), elapsed),
      },
    )
    const defaults = timeout > 0 ? { ...noCallOptions, timeout } : undefined
    const ready = () => supervisors.filter(({ worker }) => worker !== undefined).length
    const batching = new BatchRoute(() => dispatcher, {
      memory,
      maxQueue,
      workers: ready,
      slotFor: affinity => (affinity === undefined ? undefined : dispatcher.slotFor(affinity)),
      carrier: () => dispatcher,
    })
    super(batching, timeout)
    this.#memory = memory
    this.#supervisors = supervisors
    this.#dispatcher = dispatcher
    this.#batching = batching
    this.batches = batching.histograms
    this.#concurrency = concurrency
    this.#threads = settings.threads
    this.#defaults = defaults
    this.histograms = histograms
    this.tensor = tensorMaker(memory)
  }

  /**
   * All workers are started at the same time.
   * @param folder whose sources are watched
   * @internal
   */
  async start(folder: string | undefined): Promise<void> {
    try {
      await Promise.all(this.#supervisors.map(supervisor => supervisor.start()))
    } catch (error) {
      await this.close({ force: true })
      throw error
    }
    if (folder !== undefined)
      this.#watcher = new SourceWatcher(folder, () => {
        for (const supervisor of this.#supervisors) supervisor.replace()
      })
    this.#early.open()
  }

  /** Workers, those that are down included. */
  get size(): number {
    return this.#supervisors.length
  }

  get closed(): boolean {
    return this.#closing !== undefined
  }

  /**
   * Calls a function on rows of a tensor, or on the items of an array, in all workers: docs/pools.md.
   *
   * A tensor is split along its first axis without a copy, and `name` gets some of its rows; the results come back as
   * an array, one for each call, in order. Of an array, `name` gets one item after the other.
   *
   * @throws ShapeError when there are no rows, or `into` has others; what a call rejects with: the other calls are
   *   aborted then
   */
  map<I extends Tensor>(
    name: string,
    rows: Tensor,
    options: MapOptions & { readonly into: I },
  ): Promise<I>
  map(name: string, source: Tensor | readonly unknown[], options?: MapOptions): Promise<unknown[]>
  map(name: string, source: Tensor | readonly unknown[], options?: MapOptions): Promise<unknown> {
    const runner = {
      memory: this.#memory,
      workers: this.size,
      places: this.size * this.#concurrency,
      run: ({ name, args, kwargs, wire, signal }: Chunk) => {
        const call = { ...(this.#defaults ?? noCallOptions), signal }
        return this.#dispatcher.call(Kind.Call, name, args, kwargs, call, { exempt: true }, wire)
      },
    }
    return map(runner, name, source, options)
  }

  /**
   * Calls a function in every worker. The results are in the order of the workers.
   * @throws what the first of them rejects with; the others go on
   */
  broadcast(name: string, ...args: unknown[]): Promise<unknown[]> {
    const [given, kwargs] = splitKwargs(args)
    return Promise.all(
      this.#supervisors.map((_, slot) =>
        this.#dispatcher.call(Kind.Call, name, given, kwargs, this.#defaults, {
          slot,
          exempt: true,
        }),
      ),
    )
  }

  /** Figures of the pool and of each worker. */
  stats(): PoolStats {
    return readPoolStats(
      this.#memory,
      this.#supervisors,
      this.#dispatcher,
      this.histograms,
      this.#threads,
      this.#batching.stats(),
    )
  }

  /**
   * Ends all workers. Calls that are pending reject with ClosedError, after `grace` milliseconds in which they may
   * finish; `force` kills the processes at once. Tensors that were delivered stay valid. Resolves when all processes
   * are gone.
   */
  close(options?: CloseOptions): Promise<void> {
    const { grace, force } = resolveCloseOptions(options)
    this.#batching.flush()
    this.#dispatcher.refuse(new ClosedError(closedWords))
    this.#watcher?.close()
    // While calls may finish, functions of Node that they call may make tensors.
    if (force || grace === 0) this.#memory.closed = true
    if (force) void this.#end({ force })
    this.#closing ??= this.#closeAfter(force ? 0 : grace)
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #closeAfter(grace: number): Promise<void> {
    const until = performance.now() + grace
    if (grace > 0 && this.#dispatcher.queued > 0) {
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>(resolve => {
        this.#onDrained = resolve
        if (grace < Infinity) timer = setTimeout(resolve, grace)
      })
      clearTimeout(timer)
    }
    await this.#end({ grace: Math.max(0, until - performance.now()) })
    this.#memory.close()
  }

  async #end(options: CloseOptions): Promise<void> {
    const reason = new ClosedError(closedWords)
    const ended = this.#supervisors.map(supervisor => supervisor.close(options, reason))
    this.#dispatcher.rejectQueued(reason)
    await Promise.all(ended)
  }

  #waiting(any: boolean): void {
    if (any) return
    this.#onDrained?.()
    // Not from within the delivery of answers.
    if (!this.closed) queueMicrotask(() => this.emit('drain'))
  }

  #heard(at: number, launched: Launched): WorkerEvents {
    return {
      ...launched,
      line: (stream, text) => this.#emit(() => this.emit(stream, text, at)),
      log: record => this.#tell(() => this.emit('log', record, at)),
    }
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

const closedWords = 'the pool is closed; make another with pool()'

import { EventEmitter, setMaxListeners } from 'node:events'
import type { Exit } from './child.js'
import type { DType, TypedArray } from './dtypes.js'
import { type RemoteFunctions, remoteFunctions } from './functions.js'
import { Kwargs } from './kwargs.js'
import { type CallOptions, type ResolvedCallOptions, resolveCallOptions } from './options.js'
import { type BridgeStats, readStats } from './stats.js'
import { makeTensor, type Tensor } from './tensor.js'
import { type FromOptions, tensorFrom } from './tensor-from.js'
import type { Worker } from './worker.js'

/** Functions of the worker, called with certain options: what `bridge.with()` gives. */
export interface Caller {
  call(name: string, ...args: unknown[]): Promise<unknown>
  readonly fn: RemoteFunctions
}

export interface TensorOptions {
  /** true: the elements are whatever the memory held before; saves clearing it. Default false: zeros. */
  readonly uninitialized?: boolean
}

/** Makes tensors in shared memory. */
export interface TensorMaker {
  /**
   * A tensor of zeros.
   * @param shape lengths along each axis; [] for a single element
   * @throws DTypeError, ShapeError, ArenaFullError, ClosedError
   */
  <D extends DType>(dtype: D, shape: readonly number[], options?: TensorOptions): Tensor<D>
  /** A tensor with these elements: a typed array, a number, or nested arrays of numbers. One copy. */
  from(source: TypedArray, options?: FromOptions): Tensor
  from<D extends DType>(source: unknown, options: FromOptions & { readonly dtype: D }): Tensor<D>
  from(source: unknown, options?: FromOptions): Tensor
}

/** Events of a bridge. */
interface BridgeEvents {
  /** A line that Python printed. */
  stdout: [line: string]
  stderr: [line: string]
  /** The worker has ended. */
  exit: [exit: Exit]
}

/** One persistent Python process. Made by `spawn()`. */
export class Bridge extends EventEmitter<BridgeEvents> implements Caller, AsyncDisposable {
  /** `py.fn.step(state, 0.01)` is `py.call('step', state, 0.01)`; `py.fn.linalg.norm(x)` is `py.call('linalg.norm', x)`. */
  readonly fn: RemoteFunctions
  /** Makes tensors in shared memory. */
  readonly tensor: TensorMaker
  readonly #worker: Worker
  readonly #defaults: ResolvedCallOptions | undefined
  #closing: Promise<void> | undefined

  /** @internal */
  constructor(worker: Worker, timeout: number) {
    super()
    this.#worker = worker
    this.#defaults = timeout > 0 ? { signal: undefined, timeout } : undefined
    this.fn = remoteFunctions((name, args) => this.#call(name, args, this.#defaults))
    this.tensor = Object.assign(
      <D extends DType>(dtype: D, shape: readonly number[], options: TensorOptions = {}) =>
        makeTensor(this.#worker.memory, dtype, shape, options.uninitialized !== true),
      {
        from: (source: unknown, options?: FromOptions) =>
          tensorFrom(this.#worker.memory, source, options),
      },
    ) as TensorMaker
  }

  /** Process id of the worker. */
  get pid(): number {
    return this.#worker.pid
  }

  get closed(): boolean {
    return this.#worker.memory.closed
  }

  /**
   * Calls a public function of the module: `call('step', state, 0.01)`, `call('linalg.norm', x)`. Arguments are
   * positional; `kwargs({…})` as the last one adds keywords. docs/values.md says what becomes what.
   *
   * @throws PythonError when it raises; FunctionNotFoundError, ArgumentsError, ValueTypeError, DisposedError,
   *   ForeignTensorError, ArenaFullError for mistakes; WorkerExitedError, QueueFullError, ClosedError
   */
  call(name: string, ...args: unknown[]): Promise<unknown> {
    return this.#call(name, args, this.#defaults)
  }

  /** Calls with a deadline or a signal: `py.with({ timeout: 100 }).call('step', state)`. */
  with(options: CallOptions): Caller {
    const { signal, timeout } = resolveCallOptions(options)
    // One listener for each call that is pending: many are no leak.
    if (signal !== undefined) setMaxListeners(0, signal)
    const merged = { signal, timeout: timeout ?? this.#defaults?.timeout }
    return {
      call: (name, ...args) => this.#call(name, args, merged),
      fn: remoteFunctions((name, args) => this.#call(name, args, merged)),
    }
  }

  #call(name: string, args: unknown[], options: ResolvedCallOptions | undefined): Promise<unknown> {
    const last = args[args.length - 1]
    try {
      if (last instanceof Kwargs)
        return this.#worker.calls.call(name, args.slice(0, -1), last.values, options)
      return this.#worker.calls.call(name, args, undefined, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Figures of both processes since the start: bytes copied and shared, leases, memory. */
  stats(): BridgeStats {
    return readStats(this.#worker.memory.channel.stats(), this.#worker.calls)
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

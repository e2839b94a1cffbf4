import { EventEmitter, setMaxListeners } from 'node:events'
import type { Calls } from './calls.js'
import type { Child, Exit } from './child.js'
import type { DType, TypedArray } from './dtypes.js'
import { ClosedError } from './errors.js'
import { type RemoteFunctions, remoteFunctions } from './functions.js'
import { Kwargs } from './kwargs.js'
import type { Memory } from './memory.js'
import { type CallOptions, type ResolvedCallOptions, resolveCallOptions } from './options.js'
import { type BridgeStats, readStats } from './stats.js'
import { makeTensor, type Tensor } from './tensor.js'
import { type FromOptions, tensorFrom } from './tensor-from.js'

/** How long a worker that was said goodbye to may take to end by itself; then it is hung up on. Milliseconds. */
const goodbyeTime = 1000
/** How long after hanging up until it is killed. */
const hangUpTime = 2000

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
  readonly #calls: Calls
  readonly #memory: Memory
  readonly #child: Child
  readonly #defaults: ResolvedCallOptions | undefined
  readonly #exited: Promise<void>
  #closing: Promise<void> | undefined

  /** @internal */
  constructor(parts: {
    calls: Calls
    memory: Memory
    child: Child
    timeout: number
    exited: Promise<void>
  }) {
    super()
    this.#calls = parts.calls
    this.#memory = parts.memory
    this.#child = parts.child
    this.#exited = parts.exited
    this.#defaults = parts.timeout > 0 ? { signal: undefined, timeout: parts.timeout } : undefined
    this.fn = remoteFunctions((name, args) => this.#call(name, args, this.#defaults))
    this.tensor = Object.assign(
      <D extends DType>(dtype: D, shape: readonly number[], options: TensorOptions = {}) =>
        makeTensor(this.#memory, dtype, shape, options.uninitialized !== true),
      {
        from: (source: unknown, options?: FromOptions) => tensorFrom(this.#memory, source, options),
      },
    ) as TensorMaker
  }

  /** Process id of the worker. */
  get pid(): number {
    return this.#child.pid!
  }

  get closed(): boolean {
    return this.#memory.closed
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
        return this.#calls.call(name, args.slice(0, -1), last.values, options)
      return this.#calls.call(name, args, undefined, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Figures of both processes since the start: bytes copied and shared, leases, memory. */
  stats(): BridgeStats {
    return readStats(this.#memory.channel.stats(), this.#calls)
  }

  /**
   * Ends the worker. Calls that are pending reject with ClosedError; tensors that were delivered stay valid.
   * Resolves when the process is gone.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    const { channel } = this.#memory
    const busy = this.#calls.pending > 0
    if (this.#child.exit === undefined) {
      this.#child.ref()
      if (!busy) this.#calls.sayGoodbye()
    }
    this.#calls.end(new ClosedError())
    this.#memory.closed = true
    if (this.#child.exit !== undefined) return this.#exited
    const hangUp = setTimeout(() => channel.hangUp(), busy ? 0 : goodbyeTime)
    const kill = setTimeout(() => this.#child.kill(), goodbyeTime + hangUpTime)
    await this.#exited
    clearTimeout(hangUp)
    clearTimeout(kill)
  }
}

// How Python is called, whatever it is that is called: a bridge, a pool, an object in a worker.
import { EventEmitter, setMaxListeners } from 'node:events'
import { type RemoteFunctions, remoteFunctions } from './functions.js'
import type { ItemStream } from './item-stream.js'
import { Kwargs, splitKwargs } from './kwargs.js'
import {
  type CallOptions,
  noCallOptions,
  type ResolvedCallOptions,
  resolveCallOptions,
} from './options.js'
import type { RemoteObject } from './remote-object.js'
import type { CallKind } from './request.js'
import { Kind } from './wire.js'

type KwargValues = Readonly<Record<string, unknown>> | undefined

/** Where calls go. */
export interface Route {
  call(
    kind: CallKind,
    name: string,
    args: readonly unknown[],
    kwargs: KwargValues,
    options: ResolvedCallOptions | undefined,
  ): Promise<unknown>
  callSync(
    kind: CallKind,
    name: string,
    args: readonly unknown[],
    kwargs: KwargValues,
    options: ResolvedCallOptions | undefined,
  ): unknown
  stream(
    name: string,
    args: readonly unknown[],
    kwargs: KwargValues,
    options: ResolvedCallOptions | undefined,
  ): ItemStream
}

/** The ways to call Python. Arguments are positional; `kwargs({…})` as the last one adds keywords. */
export interface Callers {
  /** `fn.step(state, 0.01)` is `call('step', state, 0.01)`; `fn.linalg.norm(x)` is `call('linalg.norm', x)`. */
  readonly fn: RemoteFunctions
  /**
   * Calls a public function: `call('step', state, 0.01)`, `call('linalg.norm', x)`. docs/values.md says what becomes
   * what.
   *
   * @throws PythonError when it raises; FunctionNotFoundError, ArgumentsError, ValueTypeError, DisposedError,
   *   ForeignTensorError, ArenaFullError for mistakes; WorkerExitedError, QueueFullError, ClosedError
   */
  call(name: string, ...args: unknown[]): Promise<unknown>
  /**
   * As `call()`, but returns the result: this thread does nothing else meanwhile. For scripts; a server would stand
   * still. A callback during it raises `isthmus.errors.BlockedError` in Python.
   */
  callSync(name: string, ...args: unknown[]): unknown
  /** The values of a Python generator or other iterable, one by one: docs/streams.md. */
  stream(name: string, ...args: unknown[]): ItemStream
  /** Makes an instance of a public class, which stays in the worker. */
  create(name: string, ...args: unknown[]): Promise<RemoteObject>
}

export class Caller implements Callers {
  readonly fn: RemoteFunctions
  readonly #route: Route
  readonly #timeout: number
  /** As given: they hold for streams. */
  readonly #given: ResolvedCallOptions | undefined
  /** With the default timeout, which a stream, that may go on for hours, does not have. */
  readonly #options: ResolvedCallOptions | undefined

  /** @param timeout of calls that are given none; 0: none @internal */
  constructor(route: Route, timeout: number, given?: ResolvedCallOptions) {
    this.#route = route
    this.#timeout = timeout
    this.#given = given
    this.#options =
      timeout > 0 && given?.timeout === undefined ? { ...noCallOptions, ...given, timeout } : given
    this.fn = remoteFunctions((name, args) => this.invoke(Kind.Call, name, args))
  }

  call(name: string, ...args: unknown[]): Promise<unknown> {
    return this.invoke(Kind.Call, name, args)
  }

  callSync(name: string, ...args: unknown[]): unknown {
    return this.invokeSync(name, args)
  }

  stream(name: string, ...args: unknown[]): ItemStream {
    const [given, kwargs] = splitKwargs(args)
    return this.#route.stream(name, given, kwargs, this.#given)
  }

  create(name: string, ...args: unknown[]): Promise<RemoteObject> {
    return this.invoke(Kind.Create, name, args) as Promise<RemoteObject>
  }

  /** As callSync(). @internal */
  invokeSync(name: string, args: unknown[]): unknown {
    if (!(args[args.length - 1] instanceof Kwargs))
      return this.#route.callSync(Kind.Call, name, args, undefined, this.#options)
    const [given, kwargs] = splitKwargs(args)
    return this.#route.callSync(Kind.Call, name, given, kwargs, this.#options)
  }

  /**
   * Calls with a deadline, a signal, progress…: `with({ timeout: 100 }).call('step', state)`. What is not given is as
   * before.
   * @throws OptionError
   */
  with(options: CallOptions): Caller {
    const given = resolveCallOptions(options)
    // One listener for each call that is pending: many are no leak.
    if (given.signal !== undefined) setMaxListeners(0, given.signal)
    const set = Object.entries(given).filter(([, value]) => value !== undefined)
    const merged = { ...given, ...this.#given, ...Object.fromEntries(set) }
    return new Caller(this.#route, this.#timeout, merged)
  }

  /** As call() and create(). Arguments that are spread again and again cost more than the rest of this file. @internal */
  invoke(kind: CallKind, name: string, args: unknown[]): Promise<unknown> {
    try {
      if (!(args[args.length - 1] instanceof Kwargs))
        return this.#route.call(kind, name, args, undefined, this.#options)
      const [given, kwargs] = splitKwargs(args)
      return this.#route.call(kind, name, given, kwargs, this.#options)
    } catch (error) {
      return Promise.reject(error)
    }
  }
}

/** A Caller that also has events. */
export abstract class CallingEmitter<Events extends Record<keyof Events, unknown[]>>
  extends EventEmitter<Events>
  implements Callers
{
  readonly fn: RemoteFunctions
  readonly #caller: Caller

  /** @param timeout of calls, but not of streams; 0: none */
  constructor(route: Route, timeout: number) {
    super()
    this.#caller = new Caller(route, timeout)
    this.fn = this.#caller.fn
  }

  call(name: string, ...args: unknown[]): Promise<unknown> {
    return this.#caller.invoke(Kind.Call, name, args)
  }

  callSync(name: string, ...args: unknown[]): unknown {
    return this.#caller.invokeSync(name, args)
  }

  stream(name: string, ...args: unknown[]): ItemStream {
    return this.#caller.stream(name, ...args)
  }

  create(name: string, ...args: unknown[]): Promise<RemoteObject> {
    return this.#caller.invoke(Kind.Create, name, args) as Promise<RemoteObject>
  }

  with(options: CallOptions): Caller {
    return this.#caller.with(options)
  }
}

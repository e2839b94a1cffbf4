// What Python may call: functions and iterables that were passed as arguments.
import { AsyncResource } from 'node:async_hooks'
import { type AnyIterable, type Callable, Kept } from './codec.js'

export interface Exposed {
  call(args: unknown[]): unknown
  /** It may be called after the call that it was passed to, until Python drops it. */
  readonly kept: boolean
  /** What the user passed. */
  readonly value: unknown
  /** It is not called any more. */
  close(): void
}

/** Passes a function so that Python may call it after the call has ended, until Python no longer refers to it. */
export const keep = (fn: Callable): Kept => {
  if (typeof fn !== 'function') throw new TypeError('keep() takes a function')
  return new Kept(fn)
}

let lastId = 0

/** Under an id that is not used again in this process, so that a late message cannot mean another function. */
export function expose(value: Callable | Kept | AnyIterable): [id: number, exposed: Exposed] {
  lastId = lastId === 0xffff_ffff ? 1 : lastId + 1
  if (value instanceof Kept) return [lastId, new ExposedFunction(value.fn, true)]
  if (typeof value === 'function') return [lastId, new ExposedFunction(value, false)]
  return [lastId, new ExposedIterator(value)]
}

class ExposedFunction implements Exposed {
  readonly kept: boolean
  readonly value: Callable
  readonly #bound: (...args: unknown[]) => unknown

  constructor(fn: Callable, kept: boolean) {
    this.kept = kept
    this.value = fn
    // It runs in the asynchronous context of the call that it was passed to (AsyncLocalStorage).
    this.#bound = AsyncResource.bind(fn as (...args: unknown[]) => unknown, 'isthmus.callback')
  }

  call(args: unknown[]): unknown {
    return this.#bound(...args)
  }

  close(): void {}
}

/** `['next']` answers `[done, value]`; `['return']` ends it. */
class ExposedIterator implements Exposed {
  readonly kept = false
  readonly value: AnyIterable
  #iterator: Iterator<unknown> | AsyncIterator<unknown> | undefined
  #done = false

  constructor(iterable: AnyIterable) {
    this.value = iterable
  }

  async call([verb]: unknown[]): Promise<unknown> {
    if (verb !== 'next') {
      await this.#return()
      return null
    }
    if (this.#done) return [true, null]
    try {
      const iterator = this.#start()
      const { done, value } = await iterator.next()
      if (done === true) this.#done = true
      return [done === true, await value]
    } catch (error) {
      this.#done = true
      throw error
    }
  }

  /** The user's `finally` runs later: this is told while messages are read. */
  close(): void {
    if (this.#done) return
    queueMicrotask(() => this.#return().catch(() => {})) // nobody is left to hear of it
  }

  #start(): Iterator<unknown> | AsyncIterator<unknown> {
    if (this.#iterator === undefined) {
      const iterable = this.value as Partial<AsyncIterable<unknown> & Iterable<unknown>>
      this.#iterator =
        iterable[Symbol.asyncIterator]?.() ?? (iterable as Iterable<unknown>)[Symbol.iterator]()
    }
    return this.#iterator
  }

  async #return(): Promise<void> {
    if (this.#done) return
    this.#done = true
    await this.#iterator?.return?.()
  }
}

// Values of a Python generator, one by one.
//
// The generator may run `window` items ahead of the reader: that many credits are out at the start, and more of them go
// out whenever half a window has been read. A stream that nobody reads holds at most a window of items.
//
// Unless the user says otherwise the window is small, because items may be large, and wider once the first item has been
// read and none was large: crossing costs more than making such items, so that a small window would mean to wait for it.

import { ProtocolError } from './errors.js'
import type { ResolvedCallOptions } from './options.js'
import type { Reply } from './pending.js'
import { defaultWindow } from './request.js'
import { Tensor } from './tensor.js'

/** What a stream says to the call behind it. */
export interface Lane {
  /** So many further items may come. */
  credit(count: number): void
  /** Are items on their way? Then they keep the process alive. */
  expecting(expects: boolean): void
  /** The reader has gone: the generator is closed. */
  close(): void
}

interface Reader {
  resolve(result: IteratorResult<unknown>): void
  reject(error: unknown): void
  /** Not collected while it is read. */
  readonly stream: object | undefined
}

/** The end at which items arrive. It does not refer to the ItemStream: one that is given up can be collected. */
export class ItemQueue implements Reply {
  #window: number
  /** The window is ours to choose. */
  readonly #chooses: boolean
  /** An item was large. */
  #large = false
  #lane: Lane | undefined
  #items: unknown[] = []
  #next = 0
  readonly #readers: Reader[] = []
  /** Items that may still come. */
  #credit: number
  /** Items by which the generator may be ahead: those that may still come, and those that were not read. */
  #ahead: number
  #ended = false
  #error: { readonly error: unknown } | undefined
  #value: unknown
  #closed = false

  readonly progress: Reply['progress']

  constructor(options: Pick<ResolvedCallOptions, 'window' | 'onProgress'> | undefined) {
    this.#chooses = options?.window === undefined
    this.#window = this.#credit = this.#ahead = options?.window ?? defaultWindow
    this.progress = options?.onProgress
  }

  /** The call has been made. */
  attach(lane: Lane): void {
    if (this.#closed) lane.close()
    else this.#lane = lane
  }

  /**
   * @param bytes of its tensors and everything else
   * @throws ProtocolError
   */
  item(value: unknown, bytes = 0): void {
    if (this.#credit === 0) throw new ProtocolError('an item of a stream beyond its credit')
    this.#credit--
    if (bytes > largeItem && this.#chooses) {
      this.#large = true
      this.#window = defaultWindow
    }
    const reader = this.#readers.shift()
    if (reader !== undefined) {
      this.#count()
      reader.resolve({ done: false, value })
    } else this.#items.push(value)
    if (this.#credit === 0) this.#lane?.expecting(false)
  }

  /** The generator has returned. */
  resolve(value: unknown): void {
    this.#value = value
    this.#end()
  }

  reject(error: unknown): void {
    this.#error = { error }
    this.#end()
  }

  #end(): void {
    this.#ended = true
    this.#lane = undefined
    for (const reader of this.#readers.splice(0)) this.#last(reader)
  }

  next(stream?: object): Promise<IteratorResult<unknown>> {
    if (this.#next < this.#items.length) {
      const value = this.#items[this.#next]
      this.#items[this.#next++] = undefined
      if (this.#next === this.#items.length) {
        this.#items = []
        this.#next = 0
      }
      this.#count()
      return Promise.resolve({ done: false, value })
    }
    return new Promise((resolve, reject) => {
      const reader = { resolve, reject, stream }
      if (this.#ended || this.#closed) this.#last(reader)
      else this.#readers.push(reader)
    })
  }

  /** No item is wanted any more; those that have come are given up, their memory with them. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    const lane = this.#lane
    this.#lane = undefined
    if (!this.#ended) lane?.close()
    for (const item of this.#items.splice(0)) if (item instanceof Tensor) item.release()
    this.#next = 0
    for (const reader of this.#readers.splice(0)) this.#last(reader)
  }

  /** An error is told once; then the stream is just at its end. */
  #last(reader: Reader): void {
    const failed = this.#error
    if (failed !== undefined && !this.#closed) {
      this.#error = undefined
      this.#closed = true
      reader.reject(failed.error)
      return
    }
    const value = this.#closed ? undefined : this.#value
    this.#closed = true
    reader.resolve({ done: true, value })
  }

  /** One item has been read. */
  #count(): void {
    this.#ahead--
    if (this.#chooses && !this.#large) this.#window = wideWindow
    const more = this.#window - this.#ahead
    const lane = this.#lane
    if (more < Math.max(1, this.#window >> 1) || lane === undefined) return
    if (this.#credit === 0) lane.expecting(true)
    this.#credit += more
    this.#ahead += more
    lane.credit(more)
  }
}

/** Of items that are not large. */
const wideWindow = 64
/** Bytes. */
const largeItem = 2 ** 20

/** Streams that were neither read to their end nor closed. */
const abandoned = new FinalizationRegistry<ItemQueue>(queue => queue.close())

/**
 * What `stream()` gives: `for await (const frame of py.stream('simulate', state))`. Leaving the loop closes the
 * generator in Python; so do `return()`, `await using` and the collection of a stream that was given up.
 */
export class ItemStream<T = unknown> implements AsyncIterableIterator<T>, AsyncDisposable {
  readonly #queue: ItemQueue

  /** @internal */
  constructor(queue: ItemQueue) {
    this.#queue = queue
    abandoned.register(this, queue, this)
  }

  /** A stream that never began. @internal */
  static failed(error: unknown): ItemStream {
    const queue = new ItemQueue(undefined)
    queue.reject(error)
    return new ItemStream(queue)
  }

  /** @throws what the generator raised, after the items before it */
  next(): Promise<IteratorResult<T>> {
    return this.#queue.next(this) as Promise<IteratorResult<T>>
  }

  /** Closes the generator: `GeneratorExit` is raised in it, and its `finally` runs. */
  return(value?: unknown): Promise<IteratorResult<T>> {
    abandoned.unregister(this)
    this.#queue.close()
    return Promise.resolve({ done: true, value: value as T })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

// The items of a stream that arrive by themselves, until whoever reads them leaves.

/** What a stream can ask of whoever brings its items. */
export interface Flow {
  pause(): void
  resume(): void
  /** Nobody reads any more; items under way are thrown away. */
  stop(): void
}

const kMostBytes = 1 << 16

export class Inflow<T> implements AsyncIterableIterator<T> {
  readonly #flow: Flow
  readonly #queue: { item: T; bytes: number }[] = []
  #first = 0
  #bytes = 0
  #paused = false
  #waiting:
    | { resolve: (result: IteratorResult<T>) => void; reject: (reason: Error) => void }
    | undefined
  #failure: Error | undefined

  constructor(flow: Flow) {
    this.#flow = flow
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** @param bytes what it weighs: when too much is waiting, the flow is paused */
  push(item: T, bytes: number): void {
    const waiting = this.#waiting
    if (waiting) {
      this.#waiting = undefined
      waiting.resolve({ value: item, done: false })
      return
    }
    this.#queue.push({ item, bytes })
    this.#bytes += bytes
    if (this.#paused || this.#bytes < kMostBytes) return
    this.#paused = true
    this.#flow.pause()
  }

  fail(reason: Error): void {
    this.#failure = reason
    this.#waiting?.reject(reason)
  }

  next(): Promise<IteratorResult<T>> {
    const next = this.#queue[this.#first]
    if (next) {
      this.#bytes -= next.bytes
      if (++this.#first === this.#queue.length) this.#queue.length = this.#first = 0
      return Promise.resolve({ value: next.item, done: false })
    }
    if (this.#failure) return Promise.reject(this.#failure)
    this.#resume()
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }

  return(): Promise<IteratorResult<T>> {
    this.#flow.stop()
    this.#resume()
    return Promise.resolve({ value: undefined, done: true })
  }

  #resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#flow.resume()
  }
}

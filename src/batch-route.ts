// Calls of functions that take batches go to those who gather them; everything else passes.
import type { BatchHistograms, BatchStats } from './batch-figures.js'
import { Batcher, type BatcherHost } from './batcher.js'
import type { Route } from './caller.js'
import type { ItemStream } from './item-stream.js'
import type { ResolvedCallOptions } from './options.js'
import type { CallKind } from './request.js'
import { Kind } from './wire.js'
import type { Worker } from './worker.js'

type KwargValues = Readonly<Record<string, unknown>> | undefined

export class BatchRoute implements Route {
  readonly #next: () => Route
  readonly #host: BatcherHost
  /** All there ever were: a function keeps its figures when its source changes. */
  readonly #batchers = new Map<string, Batcher>()
  /** What the last worker that got ready serves in batches. */
  #served = new Map<string, Batcher>()
  readonly #met = new WeakSet<Worker>()
  /** By the name of the function. */
  readonly histograms = new Map<string, BatchHistograms>()

  /** @param next where calls go that are not gathered */
  constructor(next: () => Route, host: BatcherHost) {
    this.#next = next
    this.#host = host
  }

  call(
    kind: CallKind,
    name: string,
    args: readonly unknown[],
    kwargs: KwargValues,
    options: ResolvedCallOptions | undefined,
  ): Promise<unknown> {
    const batcher = kind === Kind.Call ? this.#served.get(name) : undefined
    if (batcher === undefined) return this.#next().call(kind, name, args, kwargs, options)
    return batcher.call(args, kwargs, options)
  }

  /** One item alone: nothing else happens in this thread that could bring others. */
  callSync(
    kind: CallKind,
    name: string,
    args: readonly unknown[],
    kwargs: KwargValues,
    options: ResolvedCallOptions | undefined,
  ): unknown {
    return this.#next().callSync(kind, name, args, kwargs, options)
  }

  stream(
    name: string,
    args: readonly unknown[],
    kwargs: KwargValues,
    options: ResolvedCallOptions | undefined,
  ): ItemStream {
    return this.#next().stream(name, args, kwargs, options)
  }

  /** A worker takes calls, or has room. */
  ready(worker: Worker | undefined): void {
    if (worker === undefined || this.#met.has(worker)) return
    this.#met.add(worker)
    const before = this.#served
    this.#served = new Map()
    for (const [name, settings] of worker.batches) {
      const batcher = this.#batchers.get(name) ?? new Batcher(name, settings, this.#host)
      this.#batchers.set(name, batcher)
      this.#served.set(name, batcher)
      this.histograms.set(name, batcher.histograms)
      batcher.ready(settings)
    }
    for (const [name, batcher] of before) if (!this.#served.has(name)) batcher.flush()
  }

  /** What waits goes now: no call follows. */
  flush(): void {
    for (const batcher of this.#batchers.values()) batcher.flush()
  }

  stats(): Readonly<Record<string, BatchStats>> {
    return Object.fromEntries([...this.#batchers].map(([name, each]) => [name, each.stats()]))
  }
}

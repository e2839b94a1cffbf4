// Gathers the calls of one function into batches, and says when a batch goes.
//
// Places: how many batches the workers may run at the same time. A full batch goes while no more than one batch has to
// wait for a place, so that a worker finds the next one there; one that is not full goes when a place is free and the pace
// does not expect more. One that has waited for a place goes before younger ones that are full.
import { Batch, type GiveUp, Item } from './batch.js'
import { type BatchStats, createBatchHistograms, figuresOf } from './batch-figures.js'
import { type Cell, capacityFor, cellsOf, columnsFor, releaseCells } from './columns.js'
import { arm } from './deadline.js'
import { AbortError, ArgumentsError, QueueFullError } from './errors.js'
import type { Grades } from './interruption.js'
import type { Memory } from './memory.js'
import type { ResolvedCallOptions } from './options.js'
import { Pace } from './pace.js'
import type { Reply } from './pending.js'
import { Places } from './places.js'
import type { Request } from './request.js'
import { least } from './timings.js'

/** What a function asks for with `@isthmus.batch`. */
export interface BatchSettings {
  /** Items of a batch at most. */
  readonly size: number
  /** Milliseconds for which an item waits for others at most, while a worker is free. */
  readonly delay: number
  /** Batches that one worker may run at the same time. */
  readonly concurrency: number
}

/** Where batches go. */
export interface Carrier {
  /** @throws why no call with these options can be made now */
  check(options: ResolvedCallOptions | undefined): void
  /** Begins an encoded call, which it takes over. `reply.freed` is called when it has ended. @throws as `call` */
  start(request: Request, reply: Reply, affinity: string | number | undefined): GiveUp
}

export interface BatcherHost {
  readonly memory: Memory
  /** Items that may wait beyond what goes at once. */
  readonly maxQueue: number
  /** That take calls now. */
  workers(): number
  /** The place of the only worker that may run calls of this affinity; undefined: any may. */
  slotFor(affinity: string | number | undefined): number | undefined
  carrier(): Carrier
}

export class Batcher {
  readonly histograms = createBatchHistograms()
  readonly #name: string
  readonly #host: BatcherHost
  readonly #pace: Pace
  #settings: BatchSettings
  /** Those that items can still join, by their key; the oldest first. */
  readonly #open = new Map<string, Batch>()
  /** Those that nobody can join any more. */
  #full: Batch[] = []
  /** Items in both. */
  #waiting = 0
  readonly #places = new Places()
  #items = 0
  #batches = 0
  #looksLater = false
  #timer: NodeJS.Timeout | undefined
  /** Items that wait for a place keep the process alive, even if nobody waits for the batches under way. */
  #alive: NodeJS.Timeout | undefined

  constructor(name: string, settings: BatchSettings, host: BatcherHost) {
    this.#name = name
    this.#host = host
    this.#settings = settings
    this.#pace = new Pace(settings.delay)
  }

  /** A worker is ready. What it serves may have other settings; what was gathered stays as it is. */
  ready(settings: BatchSettings): void {
    this.#settings = settings
    this.#pace.maxDelay = settings.delay
    this.#sendFull()
    this.#later()
  }

  /** One item. @throws whatever is wrong with the arguments, QueueFullError, and why no call can be made */
  call(
    args: readonly unknown[],
    kwargs: object | undefined,
    options: ResolvedCallOptions | undefined,
  ): Promise<unknown> {
    const { memory } = this.#host
    this.#check(options)
    if (kwargs !== undefined) throw new ArgumentsError(keywordWords(this.#name, kwargs))
    const cells = cellsOf(memory, args)
    return new Promise((resolve, reject) => {
      const item = new Item({ resolve, reject }, options?.onProgress)
      try {
        this.#check(options) // again: a getter among the arguments may have ended everything
        this.#gather(item, cells, options)
      } catch (error) {
        releaseCells(cells)
        throw error
      }
    })
  }

  stats(): BatchStats {
    const { fixed, perItem } = this.#pace
    return {
      waiting: this.#waiting,
      running: this.#places.running,
      items: this.#items,
      batches: this.#batches,
      ...figuresOf(this.histograms),
      fixed: fixed * 1000,
      perItem: perItem * 1000,
    }
  }

  /** What waits goes now, whoever is free. */
  flush(): void {
    for (const batch of [...this.#full, ...this.#open.values()]) if (!batch.sent) this.#send(batch)
  }

  /** Places that are free for such items; negative: so many batches wait for one. */
  #free(affinity: string | number | undefined): number {
    const { workers, slotFor } = this.#host
    // Without a worker, one batch waits where calls do: for the next one, or for the news that there will be none.
    const ready = Math.max(1, workers())
    return this.#places.free(slotFor(affinity), ready, this.#settings.concurrency)
  }

  #check(options: ResolvedCallOptions | undefined): void {
    this.#host.carrier().check(options)
    if (options?.signal?.aborted) throw new AbortError(options.signal.reason)
    const { maxQueue } = this.#host
    const gathering = this.#free(options?.affinity) > 0 ? this.#settings.size : 0
    if (this.#waiting >= maxQueue + gathering) throw new QueueFullError(maxQueue)
  }

  #gather(item: Item, cells: readonly Cell[], options: ResolvedCallOptions | undefined): void {
    const batch = this.#batchFor(cells, options?.affinity)
    batch.add(item, cells)
    this.#open.set(batch.key, batch)
    this.#waiting++
    this.#pace.arrived(item.called)
    if (batch.size >= batch.capacity) this.#close(batch)
    if (this.#waiting > 0) this.#later()
    if (options !== undefined && !item.settled)
      item.settle = arm(this.#name, options, error => this.#giveUp(item, batch, error, options))
  }

  /** @throws ArenaFullError, ShapeError */
  #batchFor(cells: readonly Cell[], affinity: string | number | undefined): Batch {
    const place = affinity === undefined ? '' : `@${affinity}`
    const key = cells.map(cell => cell.key).join() + place
    const open = this.#open.get(key)
    if (open?.takes(cells)) return open
    const { memory } = this.#host
    const capacity = capacityFor(memory, cells, this.#settings.size)
    const columns = columnsFor(memory, cells, capacity)
    if (open !== undefined) this.#close(open)
    return new Batch({ name: this.#name, key, capacity, affinity }, columns, this.#events)
  }

  /** Nobody joins a batch any more. */
  #close(batch: Batch): void {
    this.#open.delete(batch.key)
    this.#full.push(batch)
    if (this.#mayGoAhead(batch)) this.#sendFull()
  }

  /** Also those that are not full, but are older and had to wait for a place: others would pass them by for ever. */
  #sendFull(): void {
    let at = 0
    while (at < this.#full.length && this.#free(undefined) >= 0) {
      const full = this.#full[at]!
      for (const open of this.#open.values())
        if (open.passed && open.first < full.first && this.#mayGoAhead(open)) this.#send(open)
      if (this.#mayGoAhead(full)) this.#send(full)
      else at++ // its worker is busy
    }
  }

  /** While one batch at most would have to wait for a place. */
  #mayGoAhead({ affinity }: Batch): boolean {
    return this.#free(affinity) >= 0
  }

  #send(batch: Batch): void {
    this.#forget(batch)
    this.#left(batch.size)
    batch.slot = this.#host.slotFor(batch.affinity)
    this.#places.taken(batch.slot)
    this.#batches++
    this.#items += batch.size
    const now = performance.now()
    this.histograms.size.record(batch.size)
    for (const { called } of batch.items) this.histograms.wait.record(least((now - called) * 1e6))
    try {
      const request = batch.request(this.#host.memory)
      batch.began(this.#host.carrier().start(request, batch, batch.affinity))
    } catch (error) {
      this.#places.left(batch.slot)
      batch.reject(error)
    }
  }

  /** Items do not wait any more. */
  #left(count: number): void {
    this.#waiting -= count
    if (this.#waiting > 0) return
    clearTimeout(this.#timer)
    clearInterval(this.#alive)
    this.#alive = undefined
  }

  /** It is sent, or empty. */
  #forget(batch: Batch): void {
    if (this.#open.get(batch.key) === batch) this.#open.delete(batch.key)
    else this.#full.splice(this.#full.indexOf(batch), 1)
  }

  #giveUp(item: Item, batch: Batch, error: Error, grades: Grades): void {
    item.reject(error)
    if (batch.sent) {
      batch.leave(error, grades)
      return
    }
    batch.remove(item)
    this.#left(1)
    if (batch.size > 0) return
    this.#forget(batch)
    batch.release()
  }

  readonly #events = {
    answered: ({ size }: Batch, elapsed: number) => this.#pace.measured(size, elapsed),
    freed: ({ slot }: Batch) => {
      this.#places.left(slot)
      this.#sendFull()
      if (this.#open.size > 0) this.#later()
    },
  }

  /** Looks once what can happen now has happened: calls that are made in one turn of the event loop go together. */
  #later(): void {
    if (this.#looksLater) return
    this.#looksLater = true
    setImmediate(this.#look)
  }

  readonly #look = () => {
    this.#looksLater = false
    clearTimeout(this.#timer)
    const now = performance.now()
    let wait = Infinity
    for (const batch of this.#open.values()) {
      if (this.#free(batch.affinity) <= 0) {
        batch.passed = true
        continue
      }
      const left = this.#pace.wait(batch.size, batch.first, batch.last, now)
      if (left > 0) wait = Math.min(wait, left)
      else this.#send(batch)
    }
    if (wait < 1) this.#later()
    else if (wait < Infinity) this.#timer = setTimeout(this.#look, wait)
    else if (this.#waiting > 0) this.#alive ??= setInterval(() => {}, ever)
  }
}

const keywordWords = (name: string, kwargs: object) =>
  `${name}() is called in batches, which take positional arguments only: pass ${Object.keys(kwargs).join(', ')} by position`

/** The longest that a timer takes. Milliseconds. */
const ever = 2 ** 31 - 1

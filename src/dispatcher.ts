// Calls that are not bound to a worker when they are made: encoded at once, they wait until a worker can take them.
import type { GiveUp } from './batch.js'
import type { Carrier } from './batcher.js'
import type { Route } from './caller.js'
import type { Calls } from './calls.js'
import { arm } from './deadline.js'
import { AbortError, type ClosedError, SystemError } from './errors.js'
import type { Grades } from './interruption.js'
import { ItemQueue, ItemStream } from './item-stream.js'
import type { Memory } from './memory.js'
import type { ResolvedCallOptions } from './options.js'
import type { Reply } from './pending.js'
import { PoolJob } from './pool-job.js'
import { RemoteObject } from './remote-object.js'
import { type CallKind, prepare, type Request, type WireOptions, wireOptions } from './request.js'
import { type Limits, Scheduler, type Slot } from './scheduler.js'
import type { Supervisor } from './supervisor.js'
import { Kind } from './wire.js'
import type { Worker } from './worker.js'

type KwargValues = Readonly<Record<string, unknown>> | undefined

/** How a call is placed. */
export interface Placing {
  readonly slot?: number
  /** It does not count for `maxQueue`: there are never many of its kind. */
  readonly exempt?: boolean
}

export interface DispatcherEvents {
  /** Calls wait now; or none any more. */
  waiting(any: boolean): void
  /**
   * A call has been answered with a result.
   * @param called,sent by performance.now()
   * @param elapsed nanoseconds that the function ran
   */
  answered(called: number, sent: number, elapsed: number): void
}

export class Dispatcher implements Route, Carrier {
  readonly #memory: Memory
  readonly #supervisors: readonly Supervisor[]
  readonly #scheduler: Scheduler<PoolJob>
  /** The workers that the scheduler gives jobs to, by their place. */
  readonly #served: (Worker | undefined)[] = []
  readonly #events: DispatcherEvents
  /** Why no call is taken any more. */
  #closed: ClosedError | undefined
  /** What the workers' module has as `async def`: any number of these runs at the same time. */
  #asynchronous: ReadonlySet<string> = new Set()
  /** Calls made. */
  count = 0

  constructor(
    memory: Memory,
    supervisors: readonly Supervisor[],
    limits: Limits,
    events: DispatcherEvents,
  ) {
    this.#memory = memory
    this.#supervisors = supervisors
    this.#events = events
    this.#scheduler = new Scheduler(supervisors.map(slotOf), limits, {
      waiting: any => {
        for (const supervisor of supervisors) supervisor.wanted = any
        events.waiting(any)
      },
    })
  }

  /** Calls that wait for a worker. */
  get queued(): number {
    return this.#scheduler.queued
  }

  /** Calls of a worker that count for `concurrency`. */
  running(at: number): number {
    return this.#scheduler.running(at)
  }

  call(
    kind: CallKind,
    name: string,
    args: readonly unknown[],
    kwargs: KwargValues,
    options: ResolvedCallOptions | undefined,
    placing?: Placing,
    wire?: WireOptions,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const reply: Reply = { resolve, reject, progress: options?.onProgress }
      this.#begin(kind, name, args, kwargs, options, reply, placing, wire)
    })
  }

  /** @throws why no call can be made now, however many may wait */
  check(options: ResolvedCallOptions | undefined): void {
    this.#check(options)
    this.#scheduler.check(this.#place(Kind.Call, '', options?.affinity, { exempt: true }))
  }

  /** Queues an encoded call, which it takes over; `maxQueue` does not limit it. @throws as check() */
  start(request: Request, reply: Reply, affinity: string | number | undefined): GiveUp {
    const { kind, name } = request
    const place = this.#place(kind, name, affinity, { exempt: true })
    const job = new PoolJob(request, reply, place, this.#jobs)
    this.#submit(job, request)
    return (error, grades) => this.#giveUp(job, error, grades)
  }

  /** Goes to a worker at once, the least busy if it is bound to none: nothing else could be waited for. */
  callSync(
    kind: CallKind,
    name: string,
    args: readonly unknown[],
    kwargs: KwargValues,
    options: ResolvedCallOptions | undefined,
  ): unknown {
    if (this.#closed !== undefined) throw this.#closed
    const wire = wireOptions(kind, options)
    const request = prepare(this.#memory, kind, name, args, kwargs, wire)
    let calls = request.attachments.owner as Calls | undefined
    try {
      calls ??= this.#readyWorker(options?.affinity).calls
      calls.checkSync(options)
    } catch (error) {
      request.attachments.sent()
      throw error
    }
    return calls.runSync(request, options)
  }

  stream(
    name: string,
    args: readonly unknown[],
    kwargs: KwargValues,
    options: ResolvedCallOptions | undefined,
  ): ItemStream {
    const queue = new ItemQueue(options)
    try {
      const job = this.#begin(Kind.Stream, name, args, kwargs, options, queue)
      if (job.queued) queue.attach({ ...noLane, close: () => this.#giveUp(job, streamClosed()) })
    } catch (error) {
      queue.reject(error)
    }
    return new ItemStream(queue)
  }

  /** A worker is ready, or has room: it gets what waits. */
  ready(at: number): void {
    const { worker } = this.#supervisors[at]!
    if (worker === undefined) return // it has ended meanwhile
    if (worker !== this.#served[at]) {
      this.#served[at] = worker
      this.#asynchronous = worker.asynchronous
      this.#scheduler.renew(at)
    }
    this.#scheduler.pump(at)
  }

  /** A worker is not started again. */
  down(at: number): void {
    this.#scheduler.slotDown(at)
  }

  /** No further call is taken. */
  refuse(error: ClosedError): void {
    this.#closed ??= error
  }

  /** What waits rejects. */
  rejectQueued(error: Error): void {
    this.#scheduler.rejectQueued(error)
  }

  /** @throws whatever is wrong with the arguments; nothing was sent then */
  #begin(
    kind: CallKind,
    name: string,
    args: readonly unknown[],
    kwargs: KwargValues,
    options: ResolvedCallOptions | undefined,
    reply: Reply,
    placing?: Placing,
    extra?: WireOptions,
  ): PoolJob {
    this.#check(options)
    const place = this.#place(kind, name, options?.affinity, placing)
    this.#scheduler.check(place)
    const told = wireOptions(kind, options)
    const wire = extra === undefined ? told : { ...told, ...extra }
    const request = prepare(this.#memory, kind, name, args, kwargs, wire)
    const job = new PoolJob(request, reply, place, this.#jobs)
    this.#submit(job, request, options)
    if (options !== undefined && !job.settled)
      job.settle = arm(name, options, error => this.#giveUp(job, error, options))
    return job
  }

  #place(
    kind: CallKind,
    name: string,
    affinity: string | number | undefined,
    { slot, exempt = false }: Placing = {},
  ) {
    return {
      slot: slot ?? (affinity === undefined ? undefined : this.slotFor(affinity)),
      // A stream that waits for its reader must not keep the reader's own calls waiting.
      limited: kind !== Kind.Stream && !this.#asynchronous.has(name),
      exempt,
    }
  }

  #submit(job: PoolJob, { name, attachments }: Request, options?: ResolvedCallOptions): void {
    try {
      this.#check(options) // again: a getter among the arguments may have ended everything
      const owner = attachments.owner as Calls | undefined
      if (owner === undefined) this.#scheduler.submit(job)
      else if (owner.ended) throw RemoteObject.gone(`${name}()`)
      else job.begin(owner, undefined)
    } catch (error) {
      attachments.sent()
      throw error
    }
    if (job.queued) job.hold()
    this.count++
  }

  #check(options: ResolvedCallOptions | undefined): void {
    if (this.#closed !== undefined) throw this.#closed
    if (options?.signal?.aborted) throw new AbortError(options.signal.reason)
  }

  #giveUp(job: PoolJob, error: Error, grades?: Grades): void {
    this.#scheduler.withdraw(job)
    job.giveUp(error, grades)
  }

  readonly #jobs = {
    freed: (job: PoolJob) => {
      if (job.runsIn !== undefined) this.#scheduler.ended(job.runsIn, job)
    },
    answered: ({ called, sent }: PoolJob, elapsed: number) =>
      this.#events.answered(called, sent, elapsed),
  }

  /** The same for the same key, as long as that slot is not down. */
  slotFor(key: string | number): number {
    const { length } = this.#supervisors
    const first = hash(String(key)) % length
    for (let step = 0; step < length; step++) {
      const slot = (first + step) % length
      if (this.#supervisors[slot]!.down === undefined) return slot
    }
    return first
  }

  /** @throws why there is none */
  #readyWorker(affinity: string | number | undefined): Worker {
    const all = this.#supervisors
    const eligible = affinity === undefined ? all : [all[this.slotFor(affinity)]!]
    const workers = eligible.flatMap(({ worker }) => worker ?? [])
    if (workers.length > 0) return workers.reduce((a, b) => (b.calls.busy < a.calls.busy ? b : a))
    throw (
      eligible[0]!.down ??
      new SystemError('no worker is ready, and callSync() cannot wait for one; await call()')
    )
  }
}

const slotOf = (supervisor: Supervisor, at: number): Slot<PoolJob> => ({
  get ready() {
    return supervisor.worker !== undefined
  },
  get down() {
    return supervisor.down
  },
  get busy() {
    return supervisor.worker?.calls.busy ?? 0
  },
  get objects() {
    return supervisor.worker?.calls.objects ?? 0
  },
  run: job => job.begin(supervisor.worker!.calls, at),
})

const noLane = { credit: () => {}, expecting: () => {} }
const streamClosed = () => new AbortError('the stream was closed before it began')

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at++)
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193) >>> 0
  return value
}

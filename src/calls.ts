// Calls of one worker: from arguments to a message, and from an answer to whoever waits for it.
//
//   prepared -> [waiting: the ring is full, or the window of calls in flight is] -> sent -> answered
//
// A call that nobody waits for any more keeps its credit until the worker has answered: with its result, or by saying
// that it was dropped or interrupted.
import { isMainThread } from 'node:worker_threads'
import type { GiveUp } from './batch.js'
import { Callbacks } from './callbacks.js'
import type { CallsHost, CallsOptions } from './calls-host.js'
import { functionExtension } from './codec.js'
import { arm } from './deadline.js'
import { AbortError, ProtocolError, SystemError, TimeoutError } from './errors.js'
import { fromPython } from './from-python.js'
import { Inbox, type Incoming } from './inbox.js'
import { type Grades, Interruptions, leaving } from './interruption.js'
import { ItemQueue, ItemStream, type Lane } from './item-stream.js'
import { readLog } from './log.js'
import type { Memory } from './memory.js'
import type { Writer } from './message-writer.js'
import { type Channel, native, Status } from './native.js'
import { Objects } from './objects.js'
import type { ResolvedCallOptions } from './options.js'
import { creditPayload, objectId, readProgress } from './payloads.js'
import { Pending, type Reply } from './pending.js'
import { RemoteObject } from './remote-object.js'
import { type CallKind, type CallTarget, prepare, type Request, wireOptions } from './request.js'
import { isCall, Sender } from './sender.js'
import { Kind } from './wire.js'

/** Inboxes that are read before a worker is killed; one that floods Node is killed all the same. */
const lastLooks = 16
/** How often callSync() looks for room in a full ring. Milliseconds. */
const roomInterval = 1
/** A thread that is terminated ends when it is back in JavaScript; the main thread cannot be. Milliseconds. */
const longestWait = isMainThread ? Infinity : 50

export class Calls {
  readonly #channel: Channel
  readonly #memory: Memory
  readonly #sender: Sender
  readonly #host: CallsHost
  readonly #callbacks: Callbacks
  readonly #interruptions: Interruptions
  readonly #timed: boolean
  readonly #inbox: Inbox
  /** On which plain functions run. */
  readonly threads: number

  readonly #pending = new Map<number, Pending>()
  /** Calls that nobody waits for any more, until the worker has answered them. */
  readonly #abandoned = new Map<number, Pending>()
  readonly #objects: Objects
  #lastId = 0
  /** Calls of which something is on its way. */
  #expected = 0
  #wanted = false
  #keepsAlive = false
  #delivering = false
  /** It asks for `settle()`: perhaps nothing is expected any more. */
  #asks = false
  /** A look at what is expected is queued: callSync() in a loop lets no microtask run. */
  #looksLater = false
  #ended: Error | undefined
  #whenIdle: (() => void)[] = []
  /** Calls sent since the start. */
  count = 0

  constructor(
    channel: Channel,
    memory: Memory,
    writer: Writer,
    inbox: Uint8Array,
    options: CallsOptions,
    host: CallsHost,
  ) {
    this.#channel = channel
    this.#memory = memory
    this.#host = host
    this.#timed = options.timed === true
    this.threads = options.threads
    this.#sender = new Sender(channel, memory, writer, options, {
      refused: (kind, id, error) => {
        if (isCall(kind)) this.#refused(id, error)
        else this.#callbacks.refused(id, error)
      },
      broken: status => host.failed(failure(status)),
    })
    this.#callbacks = new Callbacks(memory, this.#sender, options.threads <= 1)
    this.#objects = new Objects(this, this.#callbacks, options.timeout)
    this.#interruptions = new Interruptions(this.#sender, { ...host, look: () => this.#look() })
    this.#inbox = new Inbox(memory, inbox, this.#known)
  }

  /** Calls that have not been answered. */
  get pending(): number {
    return this.#pending.size
  }

  /** Calls that the worker has and has not answered, those that nobody waits for included. */
  get inFlight(): number {
    return this.#sender.inFlight
  }

  /** Calls that the worker was given and has not answered, those that wait for room included. */
  get busy(): number {
    return this.#pending.size + this.#abandoned.size
  }

  /** Resolves when no call is pending. */
  idle(): Promise<void> {
    if (this.#pending.size === 0) return Promise.resolve()
    return new Promise(resolve => {
      this.#whenIdle.push(resolve)
    })
  }

  /** Somebody waits until the worker has room again, which it may get by an answer that nobody else waits for. */
  set wanted(wanted: boolean) {
    this.#wanted = wanted && this.#ended === undefined
    this.#updateKeepAlive()
  }

  /** Functions that Python may call. */
  get functions(): number {
    return this.#callbacks.size
  }

  /** Objects that live in the worker. */
  get objects(): number {
    return this.#objects.size
  }

  get ended(): boolean {
    return this.#ended !== undefined
  }

  /** Why every call rejects from now on. */
  get reason(): Error | undefined {
    return this.#ended
  }

  /** Calls at once. Everything that can be wrong with the arguments is thrown here, before anything is sent. */
  call(
    kind: CallKind,
    target: CallTarget,
    args: readonly unknown[],
    kwargs: Readonly<Record<string, unknown>> | undefined,
    options: ResolvedCallOptions | undefined,
  ): Promise<unknown> {
    this.#check(options)
    const request = prepare(this.#memory, kind, target, args, kwargs, wireOptions(kind, options))
    return new Promise((resolve, reject) => {
      const reply: Reply = { resolve, reject }
      if (options?.onProgress !== undefined) reply.progress = options.onProgress
      const id = this.begin(request, reply)
      if (options !== undefined) this.#arm(id, request.name, options)
    })
  }

  /** @throws why no call can be made now, however many may wait */
  check(options: ResolvedCallOptions | undefined, sync = false): void {
    if (this.#ended !== undefined) throw this.#ended
    if (options?.signal?.aborted) throw new AbortError(options.signal.reason)
    this.#callbacks.checkNested(sync)
  }

  /** Begins an encoded call, which it takes over; `maxQueue` does not limit it. @throws as begin() */
  start(request: Request, reply: Reply): GiveUp {
    const id = this.begin(request, reply, true)
    return (error, grades) => this.abandon(id, error, grades)
  }

  /** As call(), but nothing else happens in this thread until the answer is there. */
  callSync(
    kind: CallKind,
    target: CallTarget,
    args: readonly unknown[],
    kwargs: Readonly<Record<string, unknown>> | undefined,
    options: ResolvedCallOptions | undefined,
  ): unknown {
    this.checkSync(options)
    const wire = wireOptions(kind, options)
    return this.runSync(prepare(this.#memory, kind, target, args, kwargs, wire), options)
  }

  /** @throws why callSync() cannot be now */
  checkSync(options: ResolvedCallOptions | undefined): void {
    this.#check(options, true)
  }

  /** Takes the request over. @returns the answer @throws what call() would reject with */
  runSync(request: Request, options: ResolvedCallOptions | undefined): unknown {
    let outcome: { readonly value: unknown } | { readonly error: unknown } | undefined
    const reply: Reply = {
      resolve: value => {
        outcome = { value }
      },
      reject: error => {
        outcome = { error }
      },
    }
    if (options?.onProgress !== undefined) reply.progress = options.onProgress
    const full = !this.#sender.hasCredit
    const id = this.begin(request, reply)
    const { timeout = 0 } = options ?? {}
    const until = timeout > 0 ? performance.now() + timeout : Infinity
    this.#callbacks.block(this.threads, full)
    try {
      while (outcome === undefined) {
        // Calls that were given up before may stand in the way of this one: their interruption must go on.
        const due = Math.min(until, this.#interruptions.due)
        let left = -1
        if (due !== Infinity) {
          const now = performance.now()
          this.#interruptions.catchUp(now)
          if (now >= until) this.abandon(id, new TimeoutError(timeout, request.name), options)
          if (outcome !== undefined) break
          left = Math.max(0, due - now)
        }
        // block() is woken by messages, and not by room in the ring, for which this call may have to wait.
        const waits = this.#sender.waits
        const longest = waits ? roomInterval : longestWait
        if (left < 0 || left > longest) left = longest
        const got = this.#channel.block(left)
        if (typeof got === 'number' && got < 0) this.#take(id)?.reply.reject(this.#lost(-got))
        else if (got !== 0) this.#deliverHere(got)
        else if (waits) this.#sender.flush()
      }
    } finally {
      this.#callbacks.unblock()
    }
    if ('error' in outcome) throw outcome.error
    return outcome.value
  }

  /** The values of a generator. Whatever is wrong with the arguments, the first `next()` tells. */
  stream(
    target: CallTarget,
    args: readonly unknown[],
    kwargs: Readonly<Record<string, unknown>> | undefined,
    options: ResolvedCallOptions | undefined,
  ): ItemStream {
    const queue = new ItemQueue(options)
    try {
      this.#check(options)
      const wire = wireOptions(Kind.Stream, options)
      const request = prepare(this.#memory, Kind.Stream, target, args, kwargs, wire)
      const id = this.begin(request, queue)
      queue.attach(this.lane(id))
      if (options !== undefined) this.#arm(id, request.name, options)
    } catch (error) {
      queue.reject(error)
    }
    return new ItemStream(queue)
  }

  /**
   * Sends a call, or lets it wait for its turn; takes the request over.
   * @param exempt `maxQueue` does not limit it
   * @returns its id
   * @throws QueueFullError, ArenaFullError, and why the worker has ended
   */
  begin(request: Request, reply: Reply, exempt = false): number {
    const { kind, name, payload, attachments } = request
    const { functions, objects, owner } = attachments
    const id = this.#nextId()
    try {
      if (this.#ended !== undefined) throw this.#ended
      if (owner !== undefined && owner !== this) throw RemoteObject.gone(name)
      this.#sender.send(kind, id, payload, attachments, exempt)
    } finally {
      attachments.sent()
    }
    this.count++
    const given = functions === undefined ? undefined : this.#callbacks.add(functions)
    this.#pending.set(id, new Pending(kind, name, reply, given, objects))
    this.#expected++
    this.#unask()
    if (!this.#keepsAlive && !this.#delivering) this.#updateKeepAlive()
    return id
  }

  /** What a stream says to the call of that id. */
  lane(id: number): Lane {
    return {
      credit: count => {
        if (this.#pending.has(id)) this.#sender.send(Kind.Credit, id, creditPayload(count))
      },
      expecting: expects => this.#expect(this.#pending.get(id), expects),
      close: () => this.#give(id, leaving),
    }
  }

  /**
   * Nobody waits for a call any more: it rejects now, and the worker is told, then made to stop.
   */
  abandon(id: number, error: Error, grades: Grades = {}): void {
    this.#give(id, grades)?.reply.reject(error)
  }

  /** Takes a call from whoever waits for it. The worker is told, if it knows of it. */
  #give(id: number, grades: Grades): Pending | undefined {
    const pending = this.#take(id)
    if (pending === undefined) return undefined
    this.#callbacks.expire(pending.functions?.ending)
    if (this.#sender.withdraw(id)) {
      this.#callbacks.expire(pending.functions?.kept) // Python never saw them
      this.#freed(pending)
    } else {
      this.#abandoned.set(id, pending)
      this.#sender.send(Kind.Cancel, id)
      this.#interruptions.plan(id, pending.name, grades)
    }
    this.#updateKeepAlive()
    return pending
  }

  /** An object is not used any more. */
  dropObject(id: number): void {
    if (this.#objects.drop(id) && this.#ended === undefined) this.#sender.send(Kind.Drop, id)
  }

  #check(options: ResolvedCallOptions | undefined, sync = false): void {
    this.check(options, sync)
    if (!this.#sender.hasCredit) this.#sender.checkQueue()
  }

  #arm(id: number, name: string, options: ResolvedCallOptions): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    const abandon = (error: Error) => this.abandon(id, error, options)
    // A getter among the arguments may have aborted it.
    if (options.signal?.aborted) abandon(new AbortError(options.signal.reason))
    else pending.settle = arm(name, options, abandon)
  }

  /** Sends the first message and gives the worker's answer to it. */
  greet(payload: Uint8Array): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#pending.set(0, new Pending(Kind.Hello, 'hello', { resolve, reject }, undefined))
      this.#expected++
      this.#sender.send(Kind.Hello, 0, payload)
      this.#updateKeepAlive()
    })
  }

  /** Tells the worker that no call follows. */
  sayGoodbye(): void {
    if (this.#ended === undefined) this.#sender.send(Kind.Goodbye, 0)
  }

  /** Rejects everything that is pending, and every call from now on. */
  end(error: Error): void {
    if (this.#ended !== undefined) return
    this.#ended = error
    this.#sender.end()
    this.#interruptions.end()
    const pending = [...this.#pending.values()]
    const abandoned = [...this.#abandoned.values()]
    this.#pending.clear()
    this.#abandoned.clear()
    this.#objects.clear()
    this.#expected = 0
    this.#wanted = false
    this.settle()
    this.#callbacks.end()
    for (const { settle, reply } of pending) {
      settle?.()
      reply.reject(error)
    }
    for (const { reply } of [...pending, ...abandoned]) reply.freed?.()
    this.#noteIdle()
  }

  #noteIdle(): void {
    if (this.#pending.size > 0 || this.#whenIdle.length === 0) return
    for (const resolve of this.#whenIdle.splice(0)) resolve()
  }

  #nextId(): number {
    do this.#lastId = this.#lastId === 0xffff_ffff ? 1 : this.#lastId + 1
    while (this.#pending.has(this.#lastId) || this.#abandoned.has(this.#lastId))
    return this.#lastId
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id)
    if (pending === undefined) return undefined
    this.#pending.delete(id)
    this.#expect(pending, false)
    pending.settle?.()
    this.#noteIdle()
    return pending
  }

  // --- receiving ---

  /** What the addon calls: messages in the inbox, one that is too large for it, or room in the ring. */
  readonly deliver = (bytes: number | Uint8Array, status: number): void => {
    this.#deliver(bytes, status)
    // The continuations that were just resolved run before the loop turns, and may call again.
    if (!this.#asks && this.#keepsAlive !== this.#needed) {
      this.#asks = true
      this.#memory.asks[0]!++
    }
  }

  /** What the addon calls when the continuations of what was delivered have run, if somebody asks for it. */
  settle(): void {
    this.#memory.settle()
    this.#unask()
    this.#updateKeepAlive()
  }

  #unask(): void {
    if (!this.#asks) return
    this.#asks = false
    this.#memory.asks[0]!--
  }

  #deliver(bytes: number | Uint8Array, status: number): void {
    const outer = this.#delivering
    this.#delivering = true
    try {
      this.#inbox.read(bytes, this.#receive)
      if (status !== Status.ok) this.#host.failed(failure(status))
      else if (this.#sender.waits) this.#sender.flush()
    } finally {
      this.#delivering = outer
    }
  }

  /** Without the event loop, in which a continuation would run. */
  #deliverHere(bytes: number | Uint8Array): void {
    this.#deliver(bytes, Status.ok)
    this.#memory.settle()
    if (this.#looksLater || this.#keepsAlive === this.#needed) return
    this.#looksLater = true
    queueMicrotask(this.#afterDelivery)
  }

  #look(): void {
    for (let turn = 0; turn < lastLooks; turn++) {
      const got = this.#channel.block(0)
      if (typeof got === 'number' && got <= 0) return
      this.#deliverHere(got)
    }
  }

  readonly #afterDelivery = () => {
    this.#looksLater = false
    this.#updateKeepAlive()
  }

  /** Whatever is wrong with one message, those that came with it are read. */
  readonly #receive = (message: Incoming): void => {
    try {
      this.#read(message)
    } catch (error) {
      message.drop()
      this.#host.failed(error as Error)
    }
  }

  /** @throws ProtocolError, ValueTypeError: what the worker has sent cannot be meant for anybody */
  #read(message: Incoming): void {
    switch (message.kind) {
      case Kind.Result:
      case Kind.Error:
      case Kind.Hello:
      case Kind.Dropped:
        this.#answer(message)
        break
      case Kind.Item:
      case Kind.Progress:
        this.#meanwhile(message)
        break
      case Kind.Call:
        this.#callbacks.receive(message)
        break
      case Kind.Log:
        this.#host.log(readLog(message.value()))
        break
      case Kind.Drop:
        this.#callbacks.drop(message.id)
        break
      case Kind.Pressure:
        this.#memory.collect()
        break
      default:
        throw new ProtocolError(`${Kind[message.kind]} is no message for Node`)
    }
  }

  #answer(message: Incoming): void {
    const { id } = message
    const pending = this.#take(id)
    if (pending === undefined) {
      message.drop()
      const left = this.#abandoned.get(id)
      if (left !== undefined) this.#forget(left, message)
      return
    }
    if (id !== 0 && !pending.begun) this.#sender.inFlight--
    this.#settle(pending, message)
    this.#freed(pending)
  }

  /** The worker has room again. */
  #freed({ reply }: Pending): void {
    reply.freed?.()
    if (this.#wanted) this.#host.room()
  }

  /** A call that waited cannot be sent. */
  #refused(id: number, error: Error): void {
    const pending = this.#take(id)
    if (pending === undefined) return
    this.#callbacks.expire(pending.functions?.ending)
    this.#callbacks.expire(pending.functions?.kept)
    pending.reply.reject(error)
    this.#freed(pending)
  }

  #settle(pending: Pending, message: Incoming): void {
    const { reply, functions } = pending
    try {
      const value = message.value()
      if (message.kind === Kind.Error) reply.reject(fromPython(value), value)
      else if (pending.kind === Kind.Create) {
        reply.resolve(this.#objects.keep(objectId(value), functions))
        return
      } else if (this.#timed) reply.resolve(value, message.elapsed)
      else reply.resolve(value)
    } catch (error) {
      reply.reject(error)
    }
    this.#callbacks.expire(functions?.ending)
  }

  /** The worker has answered a call that nobody waits for. */
  #forget(left: Pending, message: Incoming): void {
    this.#abandoned.delete(message.id)
    if (!left.begun) this.#sender.inFlight--
    this.#interruptions.settled(message.id)
    if (message.kind === Kind.Dropped) this.#callbacks.expire(left.functions?.kept) // Python never saw them
    this.#freed(left)
    if (left.kind === Kind.Create && message.kind === Kind.Result)
      this.#sender.send(Kind.Drop, objectId(message.value()))
  }

  /**
   * A stream whose items come is in no queue of the worker any more, and gives its place in the window back: it may
   * wait for a reader who makes a call between two items.
   */
  #begun(stream: Pending): void {
    if (stream.begun) return
    stream.begun = true
    this.#sender.inFlight--
  }

  /** What comes before an answer. */
  #meanwhile(message: Incoming): void {
    const pending = this.#pending.get(message.id)
    if (pending === undefined) {
      message.drop()
      return
    }
    try {
      const value = message.value()
      if (message.kind === Kind.Item) {
        this.#begun(pending)
        pending.reply.item?.(value, message.bytes)
      } else {
        const [fraction, text] = readProgress(value)
        queueMicrotask(() => pending.reply.progress?.(fraction, text))
      }
    } catch (error) {
      message.drop()
      this.abandon(message.id, error as Error)
    }
  }

  readonly #known = (extension: number, id: number): unknown =>
    extension === functionExtension ? this.#callbacks.find(id) : this.#objects.find(id)

  #lost(status: number): Error {
    return status === Status.closed ? this.#host.ended() : failure(status)
  }

  #expect(pending: Pending | undefined, expects: boolean): void {
    if (pending === undefined || pending.expects === expects) return
    pending.expects = expects
    this.#expected += expects ? 1 : -1
    if (expects !== this.#keepsAlive && !this.#delivering) this.#updateKeepAlive()
  }

  get #needed(): boolean {
    return this.#expected > 0 || this.#wanted
  }

  #updateKeepAlive(): void {
    const alive = this.#needed
    if (alive === this.#keepsAlive) return
    this.#keepsAlive = alive
    this.#channel.setPending(alive)
  }
}

function failure(status: number): Error {
  const words = native.statuses[status]?.[1] ?? `status ${status}`
  return status === Status.protocol ? new ProtocolError(words) : new SystemError(words)
}

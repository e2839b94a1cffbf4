// Calls: from arguments to a message, and from an answer to the promise that waits for it.
//
//   call -> encoded -> [waiting: the ring is full, or the window of calls in flight is] -> sent -> answered
//
// A call in flight spends one credit and its answer gives it back, so that the worker's private queue never holds more
// than the window. What waits is sent in the order of the calls. A cancelled call keeps its credit until the worker has
// answered: with its result, or by saying that it was dropped.
import { decodeValue, encodeCall, type TensorLike, type Where } from './codec.js'
import { dtypeFromWire, dtypeInfo, dtypeOf, type TypedArray } from './dtypes.js'
import {
  AbortError,
  ForeignTensorError,
  ProtocolError,
  QueueFullError,
  SystemError,
  TimeoutError,
} from './errors.js'
import { fromPython } from './from-python.js'
import type { Memory } from './memory.js'
import { type Channel, native, type Slot, Status } from './native.js'
import type { ResolvedCallOptions } from './options.js'
import { Tensor } from './tensor.js'
import { Kind, type Placed, Reader, readable, type Writer } from './wire.js'

interface Pending {
  resolve(value: unknown): void
  reject(error: unknown): void
  /** Stops the timer and the listener of the call's options. */
  settle: (() => void) | undefined
}

/** A message that could not be sent yet. It holds a reference to each of its blocks. */
interface Waiting {
  readonly kind: Kind
  readonly id: number
  readonly payload: Uint8Array | undefined
  readonly tensors: readonly Placed[]
}

export interface CallsOptions {
  /** Calls in flight at most. */
  readonly window: number
  /** Calls that may wait beyond the window. */
  readonly maxQueue: number
}

const noTensors: readonly Placed[] = []

export class Calls {
  readonly #channel: Channel
  readonly #memory: Memory
  readonly #writer: Writer
  readonly #options: CallsOptions
  readonly #onFailure: (error: Error) => void
  readonly #reader = new Reader()
  readonly #inboxView: DataView
  readonly #inboxBuffer

  readonly #pending = new Map<number, Pending>()
  /** Ids of calls that nobody waits for any more, until the worker has answered them. */
  readonly #abandoned = new Set<number>()
  #waiting: Waiting[] = []
  #inFlight = 0
  #lastId = 0
  #keepsAlive = false
  #wantsSpace = false
  #delivering = false
  #ended: Error | undefined
  /** The tensors of the call that is being encoded, and the blocks made for its typed arrays. */
  #placed: Placed[] | undefined
  #made: Slot[] | undefined
  /** Calls sent since the start. */
  count = 0

  constructor(
    memory: Memory,
    writer: Writer,
    inbox: Uint8Array,
    options: CallsOptions,
    onFailure: (error: Error) => void,
  ) {
    this.#channel = memory.channel
    this.#memory = memory
    this.#writer = writer
    this.#options = options
    this.#onFailure = onFailure
    this.#inboxView = new DataView(inbox.buffer, inbox.byteOffset, inbox.byteLength)
    this.#inboxBuffer = readable(inbox)
  }

  /** Calls that have not been answered. */
  get pending(): number {
    return this.#pending.size
  }

  /** Sends a call. Everything that can be wrong with the arguments is thrown here, before anything is sent. */
  call(
    name: string,
    args: readonly unknown[],
    kwargs: Readonly<Record<string, unknown>> | undefined,
    options: ResolvedCallOptions | undefined,
  ): Promise<unknown> {
    this.#checkWanted(options)
    if (!this.#canSend()) this.#checkQueue()

    // A getter among the arguments may make a call of its own meanwhile, or end everything.
    const outerPlaced = this.#placed
    const outerMade = this.#made
    this.#placed = this.#made = undefined
    try {
      const payload = encodeCall(name, args, kwargs, this.#place)
      this.#checkWanted(options)
      const id = this.#nextId()
      this.#dispatch(Kind.Call, id, payload, this.#placed ?? noTensors)
      this.count++
      return new Promise((resolve, reject) => {
        const pending: Pending = { resolve, reject, settle: undefined }
        this.#pending.set(id, pending)
        if (options !== undefined) this.#arm(id, name, pending, options)
        if (!this.#keepsAlive && !this.#delivering) this.#updateKeepAlive()
      })
    } finally {
      // Whatever was sent is leased to the worker now.
      const sent = this.#made as Slot[] | undefined
      if (sent !== undefined) for (const slot of sent) this.#channel.release(slot)
      this.#placed = outerPlaced
      this.#made = outerMade
    }
  }

  #checkWanted(options: ResolvedCallOptions | undefined): void {
    if (this.#ended !== undefined) throw this.#ended
    if (options?.signal?.aborted) throw new AbortError(options.signal.reason)
  }

  /** Sends the first message and gives the worker's answer to it. */
  greet(payload: Uint8Array): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#pending.set(0, { resolve, reject, settle: undefined })
      this.#dispatch(Kind.Hello, 0, payload, noTensors)
      this.#updateKeepAlive()
    })
  }

  /** Tells the worker that no call follows. */
  sayGoodbye(): void {
    if (this.#ended === undefined) this.#dispatch(Kind.Goodbye, 0, undefined, noTensors)
  }

  /** Rejects everything that is pending, and every call from now on. */
  end(error: Error): void {
    if (this.#ended !== undefined) return
    this.#ended = error
    for (const { tensors } of this.#waiting.splice(0))
      for (const { slot } of tensors) this.#channel.release(slot)
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    this.#abandoned.clear()
    this.#inFlight = 0
    this.#updateKeepAlive()
    for (const { settle, reject } of pending) {
      settle?.()
      reject(error)
    }
  }

  // --- sending ---

  #nextId(): number {
    do this.#lastId = this.#lastId === 0xffff_ffff ? 1 : this.#lastId + 1
    while (this.#pending.has(this.#lastId) || this.#abandoned.has(this.#lastId))
    return this.#lastId
  }

  #canSend(): boolean {
    return this.#waiting.length === 0 && this.#inFlight < this.#options.window
  }

  /** @throws QueueFullError when no further call may wait */
  #checkQueue(): void {
    const { maxQueue } = this.#options
    if (this.#waiting.length >= maxQueue) throw new QueueFullError(maxQueue)
  }

  /** Sends a message now, or lets it wait for its turn. */
  #dispatch(
    kind: Kind,
    id: number,
    payload: Uint8Array | undefined,
    tensors: readonly Placed[],
  ): void {
    const now = kind === Kind.Call ? this.#canSend() : !this.#wantsSpace
    if (now && this.#send(kind, id, payload, tensors)) return
    if (kind === Kind.Call) this.#checkQueue()
    for (const { slot } of tensors) this.#channel.retain(slot)
    this.#waiting.push({ kind, id, payload, tensors: [...tensors] })
  }

  /** False when the ring has no room now. */
  #send(
    kind: Kind,
    id: number,
    payload: Uint8Array | undefined,
    tensors: readonly Placed[],
  ): boolean {
    let status = this.#write(kind, id, payload, tensors)
    if (status === Status.arenaFull) {
      this.#channel.collect() // a long payload goes through the arena, which may be full of garbage
      status = this.#write(kind, id, payload, tensors)
    }
    if (status === Status.ok) {
      if (kind === Kind.Call) this.#inFlight++
      return true
    }
    if (status === Status.full) {
      this.#setWantsSpace(true)
      return false
    }
    if (status !== Status.closed && status !== Status.protocol)
      throw this.#memory.refusal(payload?.length ?? 0, status)
    // The worker is gone or not to be trusted, and end() is about to say so: it rejects this call with the others.
    if (status === Status.protocol) queueMicrotask(() => this.#fail(status))
    return true
  }

  #write(
    kind: Kind,
    id: number,
    payload: Uint8Array | undefined,
    tensors: readonly Placed[],
  ): number {
    return this.#writer.write(kind, id, payload, tensors, this.#small, this.#large)
  }

  /** While nothing but an answer can help, room in the ring is no reason to wake up. */
  #setWantsSpace(wants: boolean): void {
    if (wants === this.#wantsSpace) return
    this.#wantsSpace = wants
    this.#channel.setWantsSpace(wants)
  }

  readonly #small = (offset: number, length: number) => this.#channel.send(offset, length)
  readonly #large = (bytes: Uint8Array) => this.#channel.sendBytes(bytes)

  /** Sends what waits, in order; only calls wait for credit, and what is no call overtakes them. */
  #flushWaiting(): void {
    const left: Waiting[] = []
    let full = false
    for (const waiting of this.#waiting) {
      const { kind, id, payload, tensors } = waiting
      const blocked: boolean =
        full || (kind === Kind.Call && this.#inFlight >= this.#options.window)
      try {
        if (blocked || !this.#send(kind, id, payload, tensors)) {
          full ||= !blocked
          left.push(waiting)
          continue
        }
      } catch (error) {
        this.#take(id)?.reject(error)
      }
      for (const { slot } of tensors) this.#channel.release(slot)
    }
    this.#waiting = left
    if (!full) this.#setWantsSpace(false)
  }

  /** Gives a tensor or typed array of the arguments its place in the message. */
  readonly #place = (array: TensorLike | TypedArray, where: Where): number => {
    if (array instanceof Tensor) {
      const placed = array.placedIn(this.#memory)
      if (placed === undefined) throw new ForeignTensorError(where.path())
      this.#placed ??= []
      return this.#placed.push(placed) - 1
    }
    const source = array as TypedArray
    const slot = this.#memory.allocate(source.byteLength, false)
    this.#made ??= []
    this.#made.push(slot)
    this.#placed ??= []
    this.#memory.copyIn(slot, source)
    const dtype = dtypeInfo(dtypeOf(source))
    return (
      this.#placed.push({ slot, offset: 0, dtype, shape: [source.length], strides: undefined }) - 1
    )
  }

  // --- timeout and abort ---

  #arm(id: number, name: string, pending: Pending, { signal, timeout }: ResolvedCallOptions): void {
    let timer: NodeJS.Timeout | undefined
    const abort = () => this.#abandon(id, new AbortError(signal?.reason))
    if (timeout !== undefined && timeout > 0)
      timer = setTimeout(() => this.#abandon(id, new TimeoutError(timeout, name)), timeout)
    signal?.addEventListener('abort', abort, { once: true })
    pending.settle = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
  }

  /** The caller no longer waits: the promise rejects now, and the worker is told. */
  #abandon(id: number, error: Error): void {
    const pending = this.#take(id)
    if (pending === undefined) return
    const at = this.#waiting.findIndex(waiting => waiting.kind === Kind.Call && waiting.id === id)
    if (at !== -1) {
      for (const { slot } of this.#waiting.splice(at, 1)[0]!.tensors) this.#channel.release(slot)
    } else {
      this.#abandoned.add(id)
      this.#dispatch(Kind.Cancel, id, undefined, noTensors)
    }
    this.#updateKeepAlive()
    pending.reject(error)
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id)
    if (pending === undefined) return undefined
    this.#pending.delete(id)
    pending.settle?.()
    return pending
  }

  // --- receiving ---

  /** What the addon calls: messages in the inbox, one that is too large for it, or room in the ring. */
  readonly deliver = (bytes: number | Uint8Array, status: number): void => {
    this.#delivering = true
    try {
      if (typeof bytes !== 'number') this.#receive(readable(bytes), 0)
      else {
        for (let at = 0; at < bytes; ) {
          const length = this.#inboxView.getUint32(at, true)
          this.#receive(this.#inboxBuffer, at + 8)
          at += 8 + ((length + 7) & ~7)
        }
      }
      if (status !== Status.ok) this.#fail(status)
      else if (this.#waiting.length > 0 || this.#wantsSpace) this.#flushWaiting()
    } finally {
      this.#delivering = false
    }
    // The continuations that were just resolved run before the loop turns, and may call again.
    if (this.#pending.size === 0) queueMicrotask(this.#afterDelivery)
  }

  readonly #afterDelivery = () => this.#updateKeepAlive()

  #receive(buffer: ReturnType<typeof readable>, at: number): void {
    const reader = this.#reader
    reader.read(buffer, at)
    const { kind, id } = reader
    if (kind === Kind.Pressure) {
      this.#channel.collect()
      return
    }
    const tensors = this.#adopt(reader.tensors())
    if (kind !== Kind.Result && kind !== Kind.Error && !(kind === Kind.Hello && id === 0)) {
      for (const tensor of tensors) tensor.release()
      this.#onFailure(new ProtocolError(`${Kind[kind]} is no message for Node`))
      return
    }
    if (id !== 0) {
      if (this.#abandoned.size > 0 && this.#abandoned.delete(id)) {
        this.#inFlight--
        for (const tensor of tensors) tensor.release()
        return
      }
    }
    const pending = this.#take(id)
    if (pending === undefined) {
      for (const tensor of tensors) tensor.release()
      return
    }
    if (id !== 0) this.#inFlight--
    try {
      const { start, end } = reader.payload()
      const value = decodeValue(buffer.bytes(), tensors, start, end)
      if (kind === Kind.Error) pending.reject(fromPython(value))
      else pending.resolve(value)
    } catch (error) {
      for (const tensor of tensors) tensor.release()
      pending.reject(error)
    }
  }

  /** The references of a message's tensors become tensors; all of them, whatever is wrong with one. */
  #adopt(placed: readonly Placed[]): Tensor[] {
    if (placed.length === 0) return noAdopted
    return placed.map(({ slot, offset, dtype, shape, strides }) => {
      const info = dtypeFromWire(dtype.code, dtype.bits, dtype.unit)!
      return new Tensor(this.#memory, slot, offset, info, Object.freeze(shape), strides)
    })
  }

  #fail(status: number): void {
    const words = native.statuses[status]![1]
    this.#onFailure(status === Status.protocol ? new ProtocolError(words) : new SystemError(words))
  }

  #updateKeepAlive(): void {
    const alive = this.#pending.size > 0
    if (alive === this.#keepsAlive) return
    this.#keepsAlive = alive
    this.#channel.setPending(alive)
  }
}

const noAdopted: Tensor[] = []

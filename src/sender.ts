// Messages on their way into the ring: sent at once, or waiting for room or for credit.
//
// A call in flight spends one credit of the window and its answer gives it back, so that the worker's private queue
// never holds more than the window. Calls that wait are sent in their order; what is no call overtakes them, but for the
// Drop of an object, which they may be about.
import { QueueFullError } from './errors.js'
import type { Memory } from './memory.js'
import type { Writer } from './message-writer.js'
import { type Channel, Status } from './native.js'
import type { Attachments } from './request.js'
import { Kind, type Placed } from './wire.js'

export interface SenderOptions {
  /** Calls in flight at most. */
  readonly window: number
  /** Calls that may wait beyond the window. */
  readonly maxQueue: number
}

/** A message that could not be sent yet. It holds a reference to each of its blocks. */
interface Waiting {
  readonly kind: Kind
  readonly id: number
  readonly payload: Uint8Array | undefined
  readonly attachments: Attachments | undefined
}

export interface SenderEvents {
  /** A message that waited cannot be sent: there is no memory for it. */
  refused(kind: Kind, id: number, error: Error): void
  broken(status: number): void
}

export const isCall = (kind: Kind): boolean =>
  kind === Kind.Call || kind === Kind.Stream || kind === Kind.Create

const noTensors: readonly Placed[] = []

export class Sender {
  readonly #channel: Channel
  readonly #memory: Memory
  readonly #writer: Writer
  readonly #options: SenderOptions
  readonly #events: SenderEvents
  #waiting: Waiting[] = []
  #wantsSpace = false
  /** Calls that were sent and not answered. */
  inFlight = 0

  constructor(
    channel: Channel,
    memory: Memory,
    writer: Writer,
    options: SenderOptions,
    events: SenderEvents,
  ) {
    this.#channel = channel
    this.#memory = memory
    this.#writer = writer
    this.#options = options
    this.#events = events
  }

  get waits(): boolean {
    return this.#waiting.length > 0 || this.#wantsSpace
  }

  /** Would a call be sent at once, if the ring has room? */
  get hasCredit(): boolean {
    return this.#waiting.length === 0 && this.inFlight < this.#options.window
  }

  /** @throws QueueFullError when no further call may wait */
  checkQueue(): void {
    const { maxQueue } = this.#options
    if (this.#waiting.length >= maxQueue) throw new QueueFullError(maxQueue)
  }

  /**
   * Sends a message now, or lets it wait for its turn.
   * @param exempt `maxQueue` does not limit it: whoever made it limits itself
   * @throws QueueFullError, ArenaFullError; nothing was sent then
   */
  send(
    kind: Kind,
    id: number,
    payload?: Uint8Array,
    attachments?: Attachments,
    exempt = false,
  ): void {
    const call = isCall(kind)
    const now = call ? this.hasCredit : kind === Kind.Drop ? !this.waits : !this.#wantsSpace
    if (now && this.#try(kind, id, payload, attachments?.tensors ?? noTensors)) {
      attachments?.sent()
      return
    }
    if (call && !exempt) this.checkQueue()
    attachments?.hold()
    this.#waiting.push({ kind, id, payload, attachments })
  }

  /** Sends what waits, in order. */
  flush(): void {
    const left: Waiting[] = []
    let full = false
    let callsWait = false
    for (const waiting of this.#waiting) {
      const { kind, id, payload, attachments } = waiting
      const blocked: boolean =
        full ||
        (isCall(kind) && this.inFlight >= this.#options.window) ||
        (kind === Kind.Drop && callsWait)
      try {
        if (blocked || !this.#try(kind, id, payload, attachments?.tensors ?? noTensors)) {
          full ||= !blocked
          callsWait ||= isCall(kind)
          left.push(waiting)
          continue
        }
      } catch (error) {
        this.#events.refused(kind, id, error as Error)
      }
      attachments?.release()
    }
    this.#waiting = left
    if (!full) this.#setWantsSpace(false)
  }

  /** Takes a call back that still waits. */
  withdraw(id: number): boolean {
    const at = this.#waiting.findIndex(waiting => isCall(waiting.kind) && waiting.id === id)
    if (at === -1) return false
    this.#waiting.splice(at, 1)[0]!.attachments?.release()
    return true
  }

  end(): void {
    for (const { attachments } of this.#waiting.splice(0)) attachments?.release()
    this.inFlight = 0
  }

  /** False when the ring has no room now. */
  #try(
    kind: Kind,
    id: number,
    payload: Uint8Array | undefined,
    tensors: readonly Placed[],
  ): boolean {
    let status = this.#write(kind, id, payload, tensors)
    if (status === Status.arenaFull) {
      this.#memory.collect() // a long payload goes through the arena, which may be full of garbage
      status = this.#write(kind, id, payload, tensors)
    }
    if (status === Status.ok) {
      if (isCall(kind)) this.inFlight++
      return true
    }
    if (status === Status.full) {
      this.#setWantsSpace(true)
      return false
    }
    if (status !== Status.closed && status !== Status.protocol)
      throw this.#memory.refusal(payload?.length ?? 0, status)
    // The worker is gone or not to be trusted, and the end is about to be told: it rejects this call with the others.
    if (status === Status.protocol) queueMicrotask(() => this.#events.broken(status))
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
}

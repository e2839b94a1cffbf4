// Rivals that send messages: calls are numbered, and what comes back is matched by number. A stream is a call that is
// answered again and again, until another call, `stop`, ends it.
import type { Parcel } from '../contender.js'
import { Inflow } from './inflow.js'
import { type Argument, floats, RivalSession } from './rival.js'

/** Calls in flight, by number. */
export class Pending<T> {
  readonly #calls = new Map<
    number,
    { resolve: (value: T) => void; reject: (reason: Error) => void }
  >()
  #next = 0

  open(send: (id: number) => void): Promise<T> {
    const id = this.number()
    return new Promise<T>((resolve, reject) => {
      this.#calls.set(id, { resolve, reject })
      send(id)
    })
  }

  /** A number that no other call has. */
  number(): number {
    return this.#next++ & 0x7fffffff
  }

  /** Whether somebody waited for this. */
  settle(id: number, value: T): boolean {
    const call = this.#calls.get(id)
    if (!call) return false
    this.#calls.delete(id)
    call.resolve(value)
    return true
  }

  rejectAll(reason: Error): void {
    for (const call of this.#calls.values()) call.reject(reason)
    this.#calls.clear()
  }
}

/** What is read from and can wait: a socket, a pipe. */
export interface Source {
  pause(): unknown
  resume(): unknown
}

const kNumberBytes = 64

function weightOf(item: unknown): number {
  if (item instanceof Uint8Array) return item.byteLength
  return typeof item === 'string' ? item.length : kNumberBytes
}

export abstract class MessageSession extends RivalSession {
  readonly #pending = new Pending<unknown>()
  readonly #streams = new Map<number, Inflow<unknown>>()
  readonly #left = new Set<number>()

  protected abstract readonly source: Source
  protected abstract send(id: number, name: string, args: readonly unknown[]): void

  protected request(name: string, args: readonly unknown[]): Promise<unknown> {
    return this.#pending.open(id => this.send(id, name, args))
  }

  /** A message has come: the answer of a call, or an item of a stream. */
  protected deliver(id: number, value: unknown): void {
    if (this.#pending.settle(id, value)) return
    const stream = this.#streams.get(id)
    if (stream) stream.push(value, weightOf(value))
    else if (!this.#left.has(id)) throw new Error(`an answer to call ${id}, which nobody made`)
  }

  protected fail(reason: Error): void {
    this.#pending.rejectAll(reason)
    for (const stream of this.#streams.values()) stream.fail(reason)
  }

  protected number(name: string, args: readonly Argument[]): Promise<number> {
    return this.request(name, args).then(Number)
  }

  protected async array(name: string, args: readonly Argument[]): Promise<Float32Array> {
    return this.floats(await this.request(name, args))
  }

  /** The array in an answer. */
  protected floats(value: unknown): Float32Array {
    if (value instanceof Uint8Array) return floats(value)
    throw new TypeError(`expected an array, got ${String(value)}`)
  }

  numbers(): AsyncIterable<number> {
    return this.#stream('numbers', []) as AsyncIterable<number>
  }

  async *frames(bytes: number): AsyncIterable<Parcel> {
    for await (const item of this.#stream('frames', [bytes])) yield { data: this.floats(item) }
  }

  #stream(name: string, args: readonly Argument[]): AsyncIterable<unknown> {
    const id = this.#pending.number()
    const stream = new Inflow<unknown>({
      pause: () => void this.source.pause(),
      resume: () => void this.source.resume(),
      stop: () => {
        this.#streams.delete(id)
        this.#left.add(id)
        this.request('stop', []).catch(() => undefined) // the process has ended: so has the stream
      },
    })
    this.#streams.set(id, stream)
    this.send(id, name, args)
    return stream
  }
}

// Calls that Python makes: of functions that were passed to it as arguments.

import { BlockedError, CallbackEndedError } from './errors.js'
import type { Exposed } from './exposed.js'
import type { Incoming } from './inbox.js'
import type { Memory } from './memory.js'
import { prepareValue } from './request.js'
import type { Sender } from './sender.js'
import { errorToPython } from './to-python.js'
import { Kind } from './wire.js'

export class Callbacks {
  readonly #memory: Memory
  readonly #sender: Sender
  readonly #functions = new Map<number, Exposed>()
  /** Answers are sent only while there is somebody to hear them. */
  #ended = false
  /** Depth of callSync(): the event loop stands still, so nothing that a callback waits for can happen. */
  blocked = 0

  constructor(memory: Memory, sender: Sender) {
    this.#memory = memory
    this.#sender = sender
  }

  get size(): number {
    return this.#functions.size
  }

  /**
   * The functions of a call that is about to be sent.
   * @returns the ids of those that end with it. Not the functions: what Python drops before that is let go.
   */
  add(functions: ReadonlyMap<number, Exposed>): readonly number[] {
    const ending: number[] = []
    for (const [id, exposed] of functions) {
      this.#functions.set(id, exposed)
      if (!exposed.kept) ending.push(id)
    }
    return ending
  }

  /** Their call has ended: Python may call only those that were passed with keep(). */
  expire(ids: readonly number[]): void {
    for (const id of ids) this.drop(id)
  }

  drop(id: number): void {
    const exposed = this.#functions.get(id)
    if (exposed === undefined) return
    this.#functions.delete(id)
    exposed.close()
  }

  end(): void {
    this.#ended = true
    for (const id of [...this.#functions.keys()]) this.drop(id)
  }

  /** What an id stands for that Python sends back. */
  find(id: number): unknown {
    return this.#functions.get(id)?.value
  }

  /** `[function, args]` or `[function, args, kwargs]`. The user's code runs when the messages at hand have been read. */
  receive(message: Incoming): void {
    const { id } = message
    try {
      type Payload = [fn: number, args: unknown[], kwargs?: Record<string, unknown>]
      const [fn, args, kwargs] = message.value() as Payload
      const exposed = this.#functions.get(fn)
      if (exposed === undefined) throw new CallbackEndedError()
      if (this.blocked > 0) throw new BlockedError()
      queueMicrotask(() => this.#run(id, exposed, kwargs === undefined ? args : [...args, kwargs]))
    } catch (error) {
      this.#throw(id, error)
    }
  }

  #run(id: number, exposed: Exposed, args: unknown[]): void {
    let result: unknown
    try {
      result = exposed.call(args)
    } catch (error) {
      this.#throw(id, error)
      return
    }
    if (!isThenable(result)) this.#return(id, result)
    else
      Promise.resolve(result).then(
        value => this.#return(id, value),
        (error: unknown) => this.#throw(id, error),
      )
  }

  #return(id: number, value: unknown): void {
    if (this.#ended) return
    try {
      const { payload, attachments } = prepareValue(this.#memory, value, 'result')
      if (attachments.functions !== undefined) this.add(attachments.functions)
      try {
        this.#sender.send(Kind.Result, id, payload, attachments)
      } finally {
        attachments.sent()
      }
    } catch (error) {
      this.#throw(id, error)
    }
  }

  #throw(id: number, error: unknown): void {
    if (this.#ended) return
    const { payload } = prepareValue(this.#memory, errorToPython(error), 'error')
    this.#sender.send(Kind.Error, id, payload)
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as { then?: unknown }).then === 'function'

// Calls that Python makes: of functions that were passed to it as arguments.
import { BlockedError, CallbackEndedError } from './errors.js'
import type { Exposed } from './exposed.js'
import type { Incoming } from './inbox.js'
import type { Memory } from './memory.js'
import { prepareValue } from './request.js'
import type { Sender } from './sender.js'
import { errorToPython } from './to-python.js'
import { Kind } from './wire.js'

/** Ids of the functions that a call was given. */
export interface GivenFunctions {
  /** They can be called until the call has ended. */
  readonly ending: readonly number[]
  /** They can be called until Python drops them, or until it is known that Python never saw them. */
  readonly kept: readonly number[]
}

export class Callbacks {
  readonly #memory: Memory
  readonly #sender: Sender
  readonly #functions = new Map<number, Exposed>()
  /** Answers are sent only while there is somebody to hear them. */
  #ended = false
  /** Depth of callSync(): the event loop stands still, so nothing that a callback waits for can happen. */
  blocked = 0
  /** Callbacks for which the only thread of the worker waits: until they are answered it begins no call. */
  readonly #waitedFor = new Set<number>()
  /** One of these is on the stack. */
  #inside = false
  readonly #serial: boolean

  /** @param serial the worker runs plain functions one at a time */
  constructor(memory: Memory, sender: Sender, serial: boolean) {
    this.#memory = memory
    this.#sender = sender
    this.#serial = serial
  }

  /**
   * A call that is made now would wait for the callback that makes it.
   * @throws BlockedError
   */
  checkNested(sync: boolean): void {
    if (this.#inside || (sync && this.#waitedFor.size > 0)) throw new BlockedError(nestedWords)
  }

  get size(): number {
    return this.#functions.size
  }

  /**
   * The functions of a call that is about to be sent.
   * @returns their ids. Not the functions: what Python drops before the call ends is let go.
   */
  add(functions: ReadonlyMap<number, Exposed>): GivenFunctions {
    const given = { ending: [] as number[], kept: [] as number[] }
    for (const [id, exposed] of functions) {
      this.#functions.set(id, exposed)
      given[exposed.kept ? 'kept' : 'ending'].push(id)
    }
    return given
  }

  /** Their call has ended: Python may call only those that were passed with keep(). */
  expire(ids: readonly number[] = []): void {
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
    this.#waitedFor.clear()
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
    // What is kept may be called from a thread that nobody waits for; the top bit: a coroutine waits, and others run.
    const waitedFor = this.#serial && !exposed.kept && id < 0x8000_0000
    if (waitedFor) this.#waitedFor.add(id)
    this.#inside = waitedFor
    try {
      result = exposed.call(args)
    } catch (error) {
      this.#throw(id, error)
      return
    } finally {
      this.#inside = false
    }
    if (!isThenable(result)) this.#return(id, result)
    else
      Promise.resolve(result).then(
        value => this.#return(id, value),
        (error: unknown) => this.#throw(id, error),
      )
  }

  #return(id: number, value: unknown): void {
    this.#waitedFor.delete(id)
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
    this.#waitedFor.delete(id)
    if (this.#ended) return
    const { payload } = prepareValue(this.#memory, errorToPython(error), 'error')
    this.#sender.send(Kind.Error, id, payload)
  }
}

const nestedWords =
  'Python waits for this function, on the only thread that runs calls, so a call would wait for ever; ' +
  'use `threads: 2`, an async def in Python, or make the call when the function has returned'

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as { then?: unknown }).then === 'function'

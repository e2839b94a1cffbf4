// Calls that Python makes: of functions that were passed to it as arguments.
import { BlockedError, CallbackEndedError, ProtocolError } from './errors.js'
import type { Exposed } from './exposed.js'
import type { Incoming } from './inbox.js'
import type { Memory } from './memory.js'
import { prepareValue } from './request.js'
import type { Sender } from './sender.js'
import { errorToPython } from './to-python.js'
import { Kind } from './wire.js'

/** The ids of calls that a coroutine makes, and no thread waits for, have the top bit. */
const firstOfCoroutines = 2 ** 31

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
  #blocked = 0
  /** Calls that have not been answered. */
  readonly #awaited = new Set<number>()
  /** Those for which the only thread of the worker waits, and the function: until they are answered it begins no call. */
  readonly #waitedFor = new Map<number, number>()
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
    // Its call has ended, perhaps without the answer: it was interrupted.
    for (const [call, fn] of this.#waitedFor) if (fn === id) this.#waitedFor.delete(call)
    exposed.close()
  }

  end(): void {
    this.#ended = true
    this.#waitedFor.clear()
    for (const id of [...this.#functions.keys()]) this.drop(id)
  }

  /**
   * The event loop stands still until unblock(). Whoever waits for a function that is running, and by that stands in the
   * way of callSync(), is told that it has begun, as those are that call during it.
   * @param threads on which Python serves calls: if all of them wait, nobody is left
   * @param full no further call can be sent until one is answered: no coroutine may wait either
   */
  block(threads: number, full: boolean): void {
    this.#blocked++
    if (this.#awaited.size === 0) return
    const waiting = [...this.#awaited]
    const inThreads = waiting.filter(id => id < firstOfCoroutines)
    if (full || inThreads.length >= threads)
      for (const id of full ? waiting : inThreads) this.#throw(id, new BlockedError())
  }

  unblock(): void {
    this.#blocked--
  }

  /** What an id stands for that Python sends back. */
  find(id: number): unknown {
    return this.#functions.get(id)?.value
  }

  /** The user's code runs when the messages at hand have been read. */
  receive(message: Incoming): void {
    const { id } = message
    this.#awaited.add(id)
    try {
      const { fn, args } = readCall(message.value())
      const exposed = this.#functions.get(fn)
      if (exposed === undefined) throw new CallbackEndedError()
      if (this.#blocked > 0) throw new BlockedError()
      queueMicrotask(() => this.#run(id, fn, exposed, args))
    } catch (error) {
      this.#throw(id, error)
    }
  }

  #run(id: number, fn: number, exposed: Exposed, args: unknown[]): void {
    // What is kept may be called from a thread that nobody waits for; the top bit: a coroutine waits, and others run.
    const waitedFor = this.#serial && !exposed.kept && id < firstOfCoroutines
    if (waitedFor) this.#waitedFor.set(id, fn)
    this.#inside = waitedFor
    try {
      const result = exposed.call(args)
      if (!isThenable(result)) this.#return(id, result)
      else
        Promise.resolve(result).then(
          value => this.#return(id, value),
          (error: unknown) => this.#throw(id, error),
        )
    } catch (error) {
      this.#throw(id, error)
    } finally {
      this.#inside = false
    }
  }

  #return(id: number, value: unknown): void {
    if (!this.#hears(id)) return
    try {
      const { payload, attachments } = prepareValue(this.#memory, value, 'result')
      try {
        this.#sender.send(Kind.Result, id, payload, attachments)
      } finally {
        attachments.sent()
      }
      if (attachments.functions !== undefined) this.add(attachments.functions)
      this.#settled(id)
    } catch (error) {
      this.#throw(id, error)
    }
  }

  #throw(id: number, error: unknown): void {
    if (!this.#hears(id)) return
    this.#settled(id)
    try {
      this.#sendError(id, error)
    } catch (problem) {
      this.refused(id, problem as Error) // it was too long
    }
  }

  /** An answer cannot be sent. Python waits for it, so it gets one that fits into any ring. */
  refused(id: number, { name }: Error): void {
    const error = new Error(`${name}: the answer could not be sent`)
    error.stack = ''
    this.#sendError(id, error)
  }

  #sendError(id: number, error: unknown): void {
    const { payload } = prepareValue(this.#memory, errorToPython(error), 'error')
    this.#sender.send(Kind.Error, id, payload)
  }

  #settled(id: number): void {
    this.#awaited.delete(id)
    this.#waitedFor.delete(id)
  }

  /** Does Python wait for this answer? Not if the worker has ended, or it was told BlockedError before. */
  #hears(id: number): boolean {
    return !this.#ended && this.#awaited.has(id)
  }
}

/** `[function, args]` or `[function, args, kwargs]`; the keywords come last. @throws ProtocolError */
function readCall(payload: unknown): { readonly fn: number; readonly args: unknown[] } {
  const [fn, args, kwargs] = Array.isArray(payload) ? (payload as unknown[]) : []
  if (typeof fn !== 'number' || !Array.isArray(args))
    throw new ProtocolError('a Call is not [function, args] or [function, args, kwargs]')
  return { fn, args: kwargs === undefined ? args : [...args, kwargs] }
}

const nestedWords =
  'Python waits for this function, on the only thread that runs calls, so a call would wait for ever; ' +
  'use `threads: 2`, an async def in Python, or make the call when the function has returned'

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as { then?: unknown }).then === 'function'

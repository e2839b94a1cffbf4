import { inspect } from 'node:util'
import { Caller, type Route } from './caller.js'
import type { Calls } from './calls.js'
import { objectMark } from './codec.js'
import { ObjectGoneError } from './errors.js'
import { ItemStream } from './item-stream.js'

/** What must happen when an object is collected; it cannot refer to the object. */
interface Life {
  readonly calls: Calls
  readonly id: number
  readonly ended: () => void
}

interface State {
  disposed: boolean
  /** A call of a method refers to the object until it is answered. */
  self: RemoteObject | undefined
}

const collected = new FinalizationRegistry<Life>(life => end(life))

function end({ calls, id, ended }: Life): void {
  calls.dropObject(id)
  ended()
}

/**
 * An object that lives in the worker: what `create()` gives. Its public methods are called as `sim.call('step', dt)` or
 * `sim.fn.step(dt)`; as an argument of another call of the same worker, it is the object itself.
 *
 * Python drops it after `dispose()`, or when it is collected. When its worker has ended, it is gone: calls reject with
 * ObjectGoneError.
 */
export class RemoteObject extends Caller implements Disposable {
  readonly #life: Life
  readonly #state: State

  /** @internal */
  constructor(calls: Calls, id: number, timeout: number, ended: () => void) {
    const state: State = { disposed: false, self: undefined }
    super(routeTo(calls, id, state), timeout)
    state.self = this
    this.#state = state
    this.#life = { calls, id, ended }
    collected.register(this, this.#life, this)
  }

  get [objectMark](): true {
    return true
  }

  /** Python drops the object. Calls that were made before go on. */
  dispose(): void {
    if (this.#state.disposed) return
    this.#state.disposed = true
    collected.unregister(this)
    end(this.#life)
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** Where it is, for a message. @internal */
  place(): { readonly owner: Calls; readonly id: number } {
    const { calls, id } = this.#life
    if (this.#state.disposed || calls.ended) throw RemoteObject.gone('the object')
    return { owner: calls, id }
  }

  /** @internal */
  static gone(what: string): ObjectGoneError {
    return new ObjectGoneError(
      `${what}: the object was disposed of, or its worker has ended; create() another`,
    )
  }

  [inspect.custom](): string {
    const gone = this.#state.disposed || this.#life.calls.ended
    return `RemoteObject(${this.#life.id}${gone ? ', gone' : ''})`
  }
}

function routeTo(calls: Calls, object: number, state: State): Route {
  const target = (name: string) => {
    if (state.disposed || calls.ended) throw RemoteObject.gone(`${name}()`)
    return { object, name, self: state.self! }
  }
  return {
    call: async (kind, name, args, kwargs, options) =>
      calls.call(kind, target(name), args, kwargs, options),
    callSync: (kind, name, args, kwargs, options) =>
      calls.callSync(kind, target(name), args, kwargs, options),
    stream: (name, args, kwargs, options) => {
      try {
        return calls.stream(target(name), args, kwargs, options)
      } catch (error) {
        return ItemStream.failed(error)
      }
    },
  }
}

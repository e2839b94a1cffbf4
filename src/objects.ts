// Objects that live in a worker, as far as somebody in Node has them.

import type { Callbacks, GivenFunctions } from './callbacks.js'
import type { Calls } from './calls.js'
import { RemoteObject } from './remote-object.js'

export class Objects {
  readonly #known = new Map<number, WeakRef<RemoteObject>>()
  readonly #calls: Calls
  readonly #callbacks: Callbacks
  readonly #timeout: number

  /** @param timeout of their calls, in milliseconds; 0: none */
  constructor(calls: Calls, callbacks: Callbacks, timeout: number) {
    this.#calls = calls
    this.#callbacks = callbacks
    this.#timeout = timeout
  }

  get size(): number {
    return this.#known.size
  }

  find(id: number): RemoteObject | undefined {
    return this.#known.get(id)?.deref()
  }

  /** What a Create has made; the functions among its arguments live as long as it does. */
  keep(id: number, functions: GivenFunctions | undefined): RemoteObject {
    const object = new RemoteObject(this.#calls, id, this.#timeout, () => {
      this.#callbacks.expire(functions?.ending)
    })
    this.#known.set(id, new WeakRef(object))
    return object
  }

  /** False if nobody had it. */
  drop(id: number): boolean {
    return this.#known.delete(id)
  }

  clear(): void {
    this.#known.clear()
  }
}

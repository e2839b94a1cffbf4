// A call that is not answered, and who waits for it.
import type { GivenFunctions } from './callbacks.js'
import type { Kind } from './wire.js'

/** Who waits for a call. */
export interface Reply {
  /** @param elapsed nanoseconds for which the function ran, if the worker was asked to measure it */
  resolve(value: unknown, elapsed?: number): void
  /** @param words what Python said, of which the error was made: each of several who wait makes its own */
  reject(error: unknown, words?: unknown): void
  /** The next value of a stream. */
  item?(value: unknown, bytes: number): void
  progress?: ((fraction: number, text: string | undefined) => void) | undefined
  /** The worker is done with the call, or gone: after all of the above, and also when nobody waited any more. */
  freed?(): void
}

/** A call that is not answered. */
export class Pending {
  settle: (() => void) | undefined
  /** Its answer, or an item, is on its way: the process waits for it. */
  expects = true
  /** A stream of which items have come. */
  begun = false

  constructor(
    readonly kind: Kind,
    readonly name: string,
    readonly reply: Reply,
    readonly functions: GivenFunctions | undefined,
    /** Not collected before the answer: their functions end with them. */
    readonly objects: readonly object[] = noObjects,
  ) {}
}

const noObjects: readonly object[] = []

// What every contender must be able to do. A case is written once, against this interface.

/** An array of float32 where this contender's user would keep it: the JS heap, or shared memory. */
export interface Parcel {
  readonly data: Float32Array
}

/**
 * Ours, another process (rival), Python in the Node process (embedding), Node's own threads, or a bound that is no way
 * of calling Python (floor).
 */
export type Kind = 'ours' | 'rival' | 'embedding' | 'threads' | 'floor'

/** One Node process talking to one persistent Python process. */
export interface Session {
  /** The small call: two integers there, their sum back. */
  add(a: number, b: number): Promise<number>

  /** The same without a promise, where the contender has such a call: it blocks until the sum is there. */
  addSync?(a: number, b: number): number

  /** An array of `length` float32 to send. */
  place(length: number): Parcel

  /** Node → Python: Python answers with the sum of the first and the last element. */
  inbound(parcel: Parcel): Promise<number>

  /** Python → Node: `length` float32, the first and the last of which are `mark`. */
  outbound(length: number, mark: number): Promise<Parcel>

  /** Both ways: Python adds 1 to the first 16 elements and returns all of them. */
  echo(parcel: Parcel): Promise<Parcel>

  /** Both ways, with work on every element: `x * 2`. */
  double(parcel: Parcel): Promise<Parcel>

  /**
   * Python adds 1 to the first 16 elements of an array that Node keeps, and returns nothing. A contender without
   * shared memory lacks it, and is measured by `echo`, whose result its user keeps instead.
   */
  update?(parcel: Parcel): Promise<void>

  /** A nested value there and back, unchanged. */
  nested?(value: unknown): Promise<unknown>

  /** A Python generator of 0, 1, 2, … without an end. */
  numbers?(): AsyncIterable<number>

  /** A Python generator of new arrays without an end: the first and the last element of each are its index. */
  frames?(bytes: number): AsyncIterable<Parcel>

  /** The caller has finished with a parcel that it received. */
  discard(parcel: Parcel): void

  /** Tensor bytes copied so far, as the contender itself counts them; undefined where nobody counts. */
  copiedBytes(): number | undefined

  close(): Promise<void>
}

export interface StartOptions {
  /** Spin budget in µs for a contender that has one; undefined leaves its default. */
  readonly spin: number | undefined
}

export type Start = (options: StartOptions) => Promise<Session>

/** What a contender needs is not there. It concerns all of its cases, and is no failure of the run. */
export class UnavailableError extends Error {
  override name = 'UnavailableError'
}

/** A value that came back wrong. It fails the whole run: a fast wrong answer is not a result. */
export class WrongValueError extends Error {
  override name = 'WrongValueError'

  static unless(ok: boolean, what: string, seen: unknown, expected: unknown): void {
    if (!ok) throw new WrongValueError(`${what}: got ${String(seen)}, expected ${String(expected)}`)
  }
}

/** A cell that does not exist: the contender's technique has no such thing. It is no failure. */
export class NotOfferedError extends Error {
  override name = 'NotOfferedError'

  constructor(what: string) {
    super(`has no ${what}`)
  }
}

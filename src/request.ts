// A call that has been encoded and not been sent: its payload, and what goes with it. It belongs to no worker yet.
import {
  type AnyIterable,
  type Callable,
  type Cargo,
  encodeCall,
  encodeValue,
  type Kept,
  type ObjectLike,
  type TensorLike,
  type Where,
} from './codec.js'
import { dtypeInfo, dtypeOf, type TypedArray } from './dtypes.js'
import { ForeignTensorError, ObjectGoneError } from './errors.js'
import { type Exposed, expose } from './exposed.js'
import type { Memory } from './memory.js'
import type { Slot } from './native.js'
import type { ResolvedCallOptions } from './options.js'
import { RemoteObject } from './remote-object.js'
import { Tensor } from './tensor.js'
import { Kind, type Placed } from './wire.js'

export type CallKind = Kind.Call | Kind.Stream | Kind.Create

/** What the worker is told about a call besides its arguments (docs/protocol.md, section 6). */
export interface WireOptions {
  /** Seconds on the clock that both processes see, CLOCK_MONOTONIC. */
  deadline?: number
  progress?: true
  window?: number
  each?: true
  /** The first argument is rows of a tensor: for a function that takes batches, a whole batch. */
  rows?: true
  into?: Tensor
}

/** Tensors, functions and objects among the values of one message. */
export class Attachments implements Cargo {
  readonly #memory: Memory
  tensors: Placed[] = noTensors
  /** Functions and iterators that Python may call, by their id. */
  functions: Map<number, Exposed> | undefined
  /** Whose objects are among the values: a worker's, of which there may be several in a pool. */
  owner: object | undefined
  /** These objects, and the one whose method is called: they are used until the call is answered. */
  objects: object[] | undefined
  /** Blocks made for typed arrays. */
  #made: Slot[] | undefined

  constructor(memory: Memory) {
    this.#memory = memory
  }

  tensor(array: TensorLike | TypedArray, where: Where): number {
    if (array instanceof Tensor) {
      const placed = array.placedIn(this.#memory)
      if (placed === undefined) throw new ForeignTensorError(where.path())
      if (this.tensors === noTensors) this.tensors = []
      return this.tensors.push(placed) - 1
    }
    const source = array as TypedArray
    const slot = this.#memory.allocate(source.byteLength, false)
    const dtype = dtypeInfo(dtypeOf(source))
    const index = this.adopt({ slot, offset: 0, dtype, shape: [source.length], strides: undefined })
    this.#memory.copyIn(slot, source)
    return index
  }

  /** Takes one reference over, which goes when the message has been sent. @returns its index in the message */
  adopt(placed: Placed): number {
    if (this.tensors === noTensors) this.tensors = []
    this.#made ??= []
    this.#made.push(placed.slot)
    return this.tensors.push(placed) - 1
  }

  callable(value: Callable | Kept | AnyIterable): number {
    const [id, exposed] = expose(value)
    this.functions ??= new Map()
    this.functions.set(id, exposed)
    return id
  }

  object(object: ObjectLike, where: Where): number {
    if (!(object instanceof RemoteObject)) throw new TypeError(`${where.path()} is no RemoteObject`)
    const { owner, id } = object.place()
    this.owner ??= owner
    if (this.owner !== owner)
      throw new ObjectGoneError(
        `${where.path()} lives in another worker than the call's other objects`,
      )
    this.use(object)
    return id
  }

  use(object: object): void {
    this.objects ??= []
    this.objects.push(object)
  }

  /** The message has to wait: its tensors must live until `release()`, whatever becomes of the user's. */
  hold(): void {
    for (const { slot } of this.tensors) this.#memory.retain(slot)
    this.sent()
  }

  release(): void {
    for (const { slot } of this.tensors) this.#memory.release(slot)
  }

  /** Whatever was sent is leased to the worker now. */
  sent(): void {
    const made = this.#made
    if (made === undefined) return
    this.#made = undefined
    for (const slot of made) this.#memory.release(slot)
  }
}

/** A function by its name, or a method, which refers to its object. */
export type CallTarget =
  | string
  | { readonly object: number; readonly name: string; readonly self: object }

export interface Request {
  readonly kind: CallKind
  /** What errors call it. */
  readonly name: string
  readonly payload: Uint8Array
  readonly attachments: Attachments
}

/**
 * Encodes a call. The caller sends it at once, or holds what is attached.
 * @throws ValueTypeError, DisposedError, ForeignTensorError, ObjectGoneError, ArenaFullError
 */
export function prepare(
  memory: Memory,
  kind: CallKind,
  target: CallTarget,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>> | undefined,
  options: WireOptions | undefined,
): Request {
  const attachments = new Attachments(memory)
  try {
    const payload = encodeCall(target, args, kwargs, options, attachments)
    if (typeof target === 'string') return { kind, name: target, payload, attachments }
    attachments.use(target.self)
    return { kind, name: target.name, payload, attachments }
  } catch (error) {
    attachments.sent()
    throw error
  }
}

/** A value for the worker that is no call: the result of a callback. */
export function prepareValue(memory: Memory, value: unknown, path: string) {
  const attachments = new Attachments(memory)
  try {
    return { payload: encodeValue(value, path, attachments), attachments }
  } catch (error) {
    attachments.sent()
    throw error
  }
}

/** undefined when there is nothing to tell. */
export function wireOptions(
  kind: CallKind,
  options: ResolvedCallOptions | undefined,
): WireOptions | undefined {
  if (kind === Kind.Stream) return { window: options?.window ?? defaultWindow, ...told(options) }
  return told(options)
}

function told(options: ResolvedCallOptions | undefined): WireOptions | undefined {
  if (options === undefined) return undefined
  const { timeout, onProgress } = options
  const limited = timeout !== undefined && timeout > 0
  if (!limited && onProgress === undefined) return undefined
  const wire: WireOptions = {}
  if (limited) {
    const [seconds, nanoseconds] = process.hrtime()
    wire.deadline = seconds + nanoseconds / 1e9 + timeout / 1000
  }
  if (onProgress !== undefined) wire.progress = true
  return wire
}

/** Items that a generator may run ahead of its reader. */
export const defaultWindow = 8

const noTensors: Placed[] = []

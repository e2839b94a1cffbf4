import { types } from 'node:util'
import { twosComplement } from './bigint.js'
import type { TypedArray } from './dtypes.js'
import { ValueTypeError } from './errors.js'
import { MessagePackWriter, maxPayload, PayloadTooLarge } from './msgpack-writer.js'
import { pathOf, problemWith } from './refusal.js'

/** A Tensor carries this property, so that it is known here without importing its class. */
export const tensorMark: unique symbol = Symbol.for('isthmus.tensor')

export interface TensorLike {
  readonly [tensorMark]: true
}

/** Where in the arguments the codec is; the path is put together only when someone asks. */
export interface Where {
  path(): string
  /** Bytes of the payload that are written. */
  readonly position: number
}

/** An object in the worker carries this property: its id there. */
export const objectMark: unique symbol = Symbol.for('isthmus.object')

export interface ObjectLike {
  readonly [objectMark]: true
}

/** A function that stays callable for Python until Python drops it: made by `keep()`. */
export class Kept {
  constructor(readonly fn: Callable) {}
}

export type Callable = (...args: never[]) => unknown
export type AnyIterable = Iterable<unknown> | AsyncIterable<unknown>

/** Takes what goes with a message besides its payload, and says by which number the payload names it. */
export interface Cargo {
  /** The index of a tensor or typed array in the message. */
  tensor(array: TensorLike | TypedArray, where: Where): number
  /** The id of a function; without this, functions and iterables are refused. */
  callable?(value: Callable | Kept | AnyIterable, where: Where): number
  /** The id of an object in the worker. */
  object?(object: ObjectLike, where: Where): number
}

export const tensorExtension = 1
export const bigintExtension = 2
export const functionExtension = 3
export const objectExtension = 4
export const iteratorExtension = 5
/** Python's msgpack decoder recurses, and Python's default recursion limit is 1000. */
export const maxDepth = 500

const firstDate = Date.parse('0001-01-01T00:00:00.000Z')
const lastDate = Date.parse('9999-12-31T23:59:59.999Z')
const minInt64 = -(2n ** 63n)
const maxUint64 = 2n ** 64n - 1n

/** What is called: a public function by its name, or a method of an object in the worker. */
export type Target = string | { readonly object: number; readonly name: string }

/** Walks a value once, checking and writing it at the same time (docs/values.md). */
export class Encoder implements Where {
  readonly #writer = new MessagePackWriter()
  readonly #ancestors: object[] = []
  /** Key or index at each level below the root: together the path of the current value. */
  readonly #keys: (string | number)[] = []
  #depth = 0
  #root = ''
  #cargo: Cargo = noCargo

  value(value: unknown, root: string, cargo: Cargo): Uint8Array {
    this.#start(root, cargo)
    try {
      this.#write(value)
      return this.#writer.take()
    } catch (error) {
      throw this.#explained(error)
    } finally {
      this.#forget()
    }
  }

  /** `[target, args]`, `[target, args, kwargs]` or `[target, args, kwargs | nil, options]`. */
  call(
    target: Target,
    args: readonly unknown[],
    kwargs: Readonly<Record<string, unknown>> | undefined,
    options: object | undefined,
    cargo: Cargo,
  ): Uint8Array {
    this.#start('name', cargo)
    const writer = this.#writer
    try {
      writer.arrayHeader(options !== undefined ? 4 : kwargs !== undefined ? 3 : 2)
      let name: unknown = target
      if (typeof target === 'object' && target !== null) {
        name = target.name
        writer.arrayHeader(2)
        writer.number(target.object)
      }
      if (typeof name !== 'string')
        throw this.#fail('of a function is a string, such as call("step", …)')
      this.#string(name)
      this.#root = 'args'
      this.#array(args)
      if (kwargs !== undefined) {
        this.#root = 'kwargs'
        this.#object(kwargs)
      } else if (options !== undefined) writer.byte(0xc0)
      if (options !== undefined) {
        this.#root = 'options'
        this.#object(options)
      }
      return writer.take()
    } catch (error) {
      throw this.#explained(error)
    } finally {
      this.#forget()
    }
  }

  path(): string {
    return this.#pathTo(this.#depth)
  }

  get position(): number {
    return this.#writer.length
  }

  #start(root: string, cargo: Cargo) {
    this.#writer.reset()
    this.#depth = 0
    this.#root = root
    this.#cargo = cargo
  }

  /** Keeps nothing of the user's alive. */
  #forget() {
    if (this.#depth > 0) this.#ancestors.fill(noObject)
    this.#cargo = noCargo
  }

  #write(value: unknown) {
    switch (typeof value) {
      case 'number':
        return this.#writer.number(value)
      case 'string':
        return this.#string(value)
      case 'boolean':
        return this.#writer.byte(value ? 0xc3 : 0xc2)
      case 'undefined':
        return this.#writer.byte(0xc0)
      case 'bigint':
        return this.#bigint(value)
      case 'object':
        return value === null ? this.#writer.byte(0xc0) : this.#compound(value)
      case 'function':
        return this.#callable(functionExtension, value as Callable)
      default:
        throw this.#refusal(value)
    }
  }

  #string(text: string) {
    if (!this.#writer.string(text)) throw this.#refusal(text)
  }

  #bigint(value: bigint) {
    if (value >= minInt64 && value <= maxUint64) this.#writer.int64(value)
    else this.#writer.extension(bigintExtension, twosComplement(value))
  }

  #compound(value: object) {
    if (Array.isArray(value)) return this.#array(value)
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype === Object.prototype || prototype === null)
      return isIterable(value) ? this.#callable(iteratorExtension, value) : this.#object(value)
    if (isTensorLike(value)) return this.#tensor(value)
    if (Buffer.isBuffer(value)) return this.#writer.binary(value)
    if (types.isTypedArray(value)) return this.#tensor(value as TypedArray)
    if (types.isMap(value)) return this.#map(value)
    if (types.isDate(value)) return this.#date(value)
    if (types.isArrayBuffer(value))
      return this.#writer.binary(value.byteLength === 0 ? noBytes : new Uint8Array(value))
    if (isObjectLike(value)) return this.#remote(value)
    if (value instanceof Kept) return this.#callable(functionExtension, value)
    if (isRootPrototype(prototype)) return this.#object(value)
    if (isIterable(value) && !types.isSet(value) && !types.isBoxedPrimitive(value))
      return this.#callable(iteratorExtension, value)
    throw this.#refusal(value)
  }

  #tensor(array: TensorLike | TypedArray) {
    this.#writer.extension4(tensorExtension, this.#cargo.tensor(array, this))
  }

  #callable(extension: number, value: Callable | Kept | AnyIterable) {
    const cargo = this.#cargo
    if (cargo.callable === undefined) throw this.#refusal(value)
    this.#writer.extension4(extension, cargo.callable(value, this))
  }

  #remote(object: ObjectLike) {
    const cargo = this.#cargo
    if (cargo.object === undefined) throw this.#refusal(object)
    this.#writer.extension4(objectExtension, cargo.object(object, this))
  }

  #array(list: readonly unknown[]) {
    const level = this.#enter(list)
    const { length } = list
    this.#writer.arrayHeader(length)
    for (let i = 0; i < length; i++) {
      this.#keys[level] = i
      this.#write(list[i])
    }
    this.#leave(level)
  }

  #object(object: object) {
    const level = this.#enter(object)
    const keys = Object.keys(object)
    this.#writer.mapHeader(keys.length)
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!
      this.#keys[level] = key
      this.#string(key)
      this.#write((object as Record<string, unknown>)[key])
    }
    this.#leave(level)
  }

  #map(map: ReadonlyMap<unknown, unknown>) {
    const level = this.#enter(map)
    let left = map.size
    this.#writer.mapHeader(left)
    for (const [key, value] of map) {
      this.#keys[level] = typeof key === 'number' ? key : String(key)
      const scalar = typeof key === 'string' || typeof key === 'number'
      if (!scalar && typeof key !== 'bigint' && typeof key !== 'boolean')
        throw this.#fail('has a key that is not a string, number, bigint or boolean')
      this.#write(key)
      this.#write(value)
      left--
    }
    if (left !== 0) throw this.#fail('is a Map that changed while it was read')
    this.#leave(level)
  }

  #date(date: Date) {
    const time = date.getTime()
    if (!(time >= firstDate && time <= lastDate)) throw this.#refusal(date)
    this.#writer.timestamp(time)
  }

  /** Returns the level to go back to. */
  #enter(container: object): number {
    const level = this.#depth
    for (let i = 0; i < level; i++)
      if (this.#ancestors[i] === container)
        throw this.#fail(`is a cycle: it is the same object as ${this.#pathTo(i)}`)
    if (level === maxDepth)
      throw this.#fail(`is nested more than ${maxDepth} levels deep; flatten it`)
    this.#ancestors[level] = container
    if (level === this.#keys.length) this.#keys[level] = 0
    this.#depth = level + 1
    return level
  }

  #leave(level: number) {
    this.#ancestors[level] = noObject
    this.#depth = level
  }

  #pathTo(depth: number): string {
    return pathOf(this.#root, this.#keys.slice(0, depth))
  }

  #refusal(value: unknown): ValueTypeError {
    return this.#fail(problemWith(value))
  }

  #fail(problem: string): ValueTypeError {
    const path = this.path()
    return new ValueTypeError(`${path} ${problem}`, path)
  }

  #explained(error: unknown): unknown {
    if (!(error instanceof PayloadTooLarge)) return error
    return tooLarge(this.path())
  }
}

export function tooLarge(path: string): ValueTypeError {
  const limit = Math.floor(maxPayload / 2 ** 20)
  const problem = `does not fit: lists, texts and bytes of one call are limited to ${limit} MiB; pass typed arrays, they have no such limit`
  return new ValueTypeError(`${path} ${problem}`, path)
}

const noObject = {}
const noBytes = new Uint8Array(0)

const noCargo: Cargo = {
  tensor() {
    throw new Error('encoding has ended')
  },
}

/** Does this value cross as a tensor? A Buffer is bytes. */
export const isArray = (value: unknown): value is TensorLike | TypedArray =>
  typeof value === 'object' &&
  value !== null &&
  (isTensorLike(value) || (types.isTypedArray(value) && !Buffer.isBuffer(value)))

const isTensorLike = (value: object): value is TensorLike =>
  (value as Partial<TensorLike>)[tensorMark] === true

const isObjectLike = (value: object): value is ObjectLike =>
  (value as Partial<ObjectLike>)[objectMark] === true

const isIterable = (value: object): value is AnyIterable =>
  (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] !== undefined ||
  (value as Partial<Iterable<unknown>>)[Symbol.iterator] !== undefined

/** Object.prototype of another realm (node:vm, jest). */
const isRootPrototype = (prototype: unknown) =>
  typeof prototype === 'object' &&
  prototype !== null &&
  Object.getPrototypeOf(prototype) === null &&
  Object.hasOwn(prototype, 'hasOwnProperty')

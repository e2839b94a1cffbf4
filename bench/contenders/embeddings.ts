// Python inside the Node process: no other process and no wire. A blocking call stops the event loop while it lasts; an
// awaited one goes through libuv's thread pool. Functions are looked up beforehand where they can be.
import type { Parcel, Session } from '../contender.js'
import { embeddedPackage } from '../packages.js'
import { source } from '../paths.js'
import { bytesOf, floats } from './rival.js'

interface Interpreter {
  importSync(file: string): object
  callSync(module: object, name: string, ...args: unknown[]): unknown
  call(module: object, name: string, ...args: unknown[]): Promise<unknown>
}

/** Calls of an embedding: what they return is a plain value of JavaScript. */
interface Python {
  call(name: string, ...args: unknown[]): Promise<unknown>
  callSync(name: string, ...args: unknown[]): unknown
}

abstract class Embedded implements Session {
  constructor(
    protected readonly python: Python,
    blocking: boolean,
  ) {
    if (!blocking) return
    this.addSync = (a, b) => python.callSync('add', a, b) as number
    this.run = (name, ...args) => Promise.resolve(this.python.callSync(name, ...args))
  }

  addSync?: (a: number, b: number) => number

  protected run: (name: string, ...args: unknown[]) => Promise<unknown> = (name, ...args) =>
    this.python.call(name, ...args)

  /** What stands for the array in a call. */
  protected abstract argument(parcel: Parcel): unknown

  protected abstract array(result: unknown): Float32Array

  async add(a: number, b: number): Promise<number> {
    return (await this.run('add', a, b)) as number
  }

  place(length: number): Parcel {
    return { data: new Float32Array(length) }
  }

  async inbound(parcel: Parcel): Promise<number> {
    return (await this.run('inbound', this.argument(parcel))) as number
  }

  async outbound(length: number, mark: number): Promise<Parcel> {
    return { data: this.array(await this.run('outbound', length, mark)) }
  }

  async echo(parcel: Parcel): Promise<Parcel> {
    return { data: this.array(await this.run('echo', this.argument(parcel))) }
  }

  async double(parcel: Parcel): Promise<Parcel> {
    return { data: this.array(await this.run('double', this.argument(parcel))) }
  }

  nested(value: unknown): Promise<unknown> {
    return this.run('nested', value)
  }

  /** Neither iterates a generator of Python's; asking for each next item is a call. */
  async *numbers(): AsyncIterable<number> {
    await this.run('begin_numbers')
    for (;;) yield (await this.run('next_item')) as number
  }

  async *frames(bytes: number): AsyncIterable<Parcel> {
    await this.run('begin_frames', bytes)
    for (;;) yield { data: this.array(await this.run('next_item')) }
  }

  discard(): void {
    // garbage collection does it
  }

  copiedBytes(): undefined {
    return undefined
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** A typed array becomes `bytes`, which is a copy; `bytes` become an ArrayBuffer, which is another. */
class NodeCallsPython extends Embedded {
  protected argument(parcel: Parcel): unknown {
    return parcel.data
  }

  protected array(result: unknown): Float32Array {
    if (result instanceof ArrayBuffer) return new Float32Array(result)
    throw new TypeError(`expected an ArrayBuffer, got ${String(result)}`)
  }

  /** As text: None would become undefined otherwise. */
  override async nested(value: unknown): Promise<unknown> {
    return JSON.parse(String(await this.run('nested', JSON.stringify(value))))
  }
}

function nodeCallsPython(blocking: boolean): Session {
  const { interpreter } = embeddedPackage('node-calls-python') as { interpreter: Interpreter }
  const module = interpreter.importSync(source('contenders', 'node_calls_python_functions.py'))
  const python: Python = {
    call: (name, ...args) => interpreter.call(module, name, ...args),
    callSync: (name, ...args) => interpreter.callSync(module, name, ...args),
  }
  return new NodeCallsPython(python, blocking)
}

interface PyObject {
  get(name: string): PyObject
  call(...args: unknown[]): PyObject
  callAsync(...args: unknown[]): Promise<PyObject>
  toJS(): unknown
}

interface Pymport {
  readonly PyObject: {
    memoryview(bytes: Buffer): PyObject
    fromJS(value: unknown): PyObject
  }
  pymport(name: string): PyObject
}

/** A memoryview is Node's own memory, and Python may write to it. A result is copied by `toJS`. */
class PymportSession extends Embedded {
  readonly #library: Pymport
  readonly #views = new WeakMap<Parcel, PyObject>()

  constructor(library: Pymport, python: Python, blocking: boolean) {
    super(python, blocking)
    this.#library = library
  }

  protected argument(parcel: Parcel): unknown {
    let view = this.#views.get(parcel)
    if (!view) {
      view = this.#library.PyObject.memoryview(bytesOf(parcel.data))
      this.#views.set(parcel, view)
    }
    return view
  }

  protected array(result: unknown): Float32Array {
    if (result instanceof Uint8Array) return floats(result)
    throw new TypeError(`expected a Buffer, got ${String(result)}`)
  }

  async update(parcel: Parcel): Promise<void> {
    await this.run('update', this.argument(parcel))
  }

  /** A last argument that is a plain object would be taken for keywords. */
  override nested(value: unknown): Promise<unknown> {
    return this.run('nested', this.#library.PyObject.fromJS(value))
  }
}

function pymport(blocking: boolean): Session {
  const library = embeddedPackage('pymport') as Pymport
  const module = library.pymport('pymport_functions')
  const functions = new Map<string, PyObject>()
  const functionOf = (name: string): PyObject => {
    const known = functions.get(name) ?? module.get(name)
    functions.set(name, known)
    return known
  }
  const python: Python = {
    call: async (name, ...args) => (await functionOf(name).callAsync(...args)).toJS(),
    callSync: (name, ...args) =>
      functionOf(name)
        .call(...args)
        .toJS(),
  }
  return new PymportSession(library, python, blocking)
}

export const nodeCallsPythonAwaited = async (): Promise<Session> => nodeCallsPython(false)
export const nodeCallsPythonSync = async (): Promise<Session> => nodeCallsPython(true)
export const pymportAwaited = async (): Promise<Session> => pymport(false)
export const pymportSync = async (): Promise<Session> => pymport(true)

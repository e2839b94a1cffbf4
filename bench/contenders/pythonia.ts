// pythonia: functions of a Python module, called through its proxies over Node's own IPC channel. Its messages are JSON,
// so an array is base64.
import { execFileSync } from 'node:child_process'
import type { Parcel, Session } from '../contender.js'
import { pythonCpu } from '../cores.js'
import { rivalPackage } from '../packages.js'
import { python as interpreter, source } from '../paths.js'
import { type Argument, bytesOf, floats, RivalSession } from './rival.js'

type Remote = (...args: unknown[]) => Promise<unknown>
type Module = Readonly<Record<string, Remote & PromiseLike<Remote>>>

interface Pythonia {
  readonly python: ((file: string) => Promise<Module>) & {
    setFastMode(on: boolean): Promise<void>
    exit(): void
  }
  readonly com: { readonly proc: { readonly pid: number } }
}

const kNames = ['add', 'inbound', 'outbound', 'echo', 'double', 'nested', 'numbers', 'frames']

class PythoniaSession extends RivalSession {
  constructor(
    readonly library: Pythonia,
    readonly functions: ReadonlyMap<string, Remote>,
  ) {
    super()
  }

  async #call(name: string, args: readonly unknown[]): Promise<unknown> {
    return this.functions.get(name)?.(...args)
  }

  #plain(args: readonly Argument[]): unknown[] {
    return args.map(arg => (typeof arg === 'number' ? arg : bytesOf(arg).toString('base64')))
  }

  protected async number(name: string, args: readonly Argument[]): Promise<number> {
    return Number(await this.#call(name, this.#plain(args)))
  }

  protected async array(name: string, args: readonly Argument[]): Promise<Float32Array> {
    return floats(Buffer.from(String(await this.#call(name, this.#plain(args))), 'base64'))
  }

  /** What comes back is a proxy of what stays in Python, until its value is asked for. */
  async nested(value: unknown): Promise<unknown> {
    const answer = (await this.#call('nested', [value])) as { valueOf(): Promise<unknown> }
    return answer.valueOf()
  }

  async *numbers(): AsyncIterable<number> {
    yield* (await this.#call('numbers', [])) as AsyncIterable<number>
  }

  async *frames(bytes: number): AsyncIterable<Parcel> {
    const items = (await this.#call('frames', [bytes])) as AsyncIterable<string>
    for await (const item of items) yield { data: floats(Buffer.from(item, 'base64')) }
  }

  close(): Promise<void> {
    this.library.python.exit()
    return Promise.resolve()
  }
}

export async function start(): Promise<Session> {
  process.env.PYTHON_BIN = interpreter()
  process.env.REQ_TIMEOUT = '0' // otherwise each call starts a timer
  const library = rivalPackage('pythonia') as Pythonia
  const cpu = pythonCpu()
  if (cpu !== undefined)
    execFileSync('taskset', ['-a', '-c', '-p', cpu, String(library.com.proc.pid)])
  await library.python.setFastMode(true) // no description of each result
  const module = await library.python(source('contenders', 'pythonia_functions.py'))
  const functions = new Map<string, Remote>()
  for (const name of kNames) {
    const remote = await module[name]
    if (remote) functions.set(name, remote)
  }
  return new PythoniaSession(library, functions)
}

import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Bridge } from './bridge.js'
import { Calls } from './calls.js'
import { Child, type Exit } from './child.js'
import { encodeValue } from './codec.js'
import {
  ModuleImportError,
  OptionError,
  PythonError,
  PythonNotFoundError,
  ScriptNotFoundError,
  StartTimeoutError,
  WorkerExitedError,
} from './errors.js'
import { fromPython } from './from-python.js'
import { Memory } from './memory.js'
import { native } from './native.js'
import { type ResolvedOptions, resolveOptions, type SpawnOptions } from './options.js'
import { findPython } from './python.js'
import { Writer } from './wire.js'

/** What the worker serves: a Python file, a module by name, or Python source. */
export type Target =
  | string
  | URL
  | { readonly module: string }
  | { readonly source: string; readonly name?: string }

const protocol = 1
const { version } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as { version: string }

const outboxBytes = 64 * 1024
const inboxBytes = 512 * 1024
const defaultSpin = 75 // microseconds
const defaultArena = 64 * 2 ** 30

/**
 * Starts a Python process that serves the public functions of a module, and resolves when the module is imported.
 *
 * ```ts
 * await using py = await spawn('./model.py')
 * await py.call('step', 2, 3)
 * ```
 * @param target a path or file URL, `{ module: 'numpy' }`, or `{ source: 'def f(x): …' }`
 * @throws StartError: PythonNotFoundError, MissingPackageError, ScriptNotFoundError, ModuleImportError, …; OptionError
 */
export async function spawn(target: Target, options?: SpawnOptions): Promise<Bridge> {
  const settings = resolveOptions(options)
  const wanted = describe(target, settings.cwd)
  const python = findPython({
    python: settings.python,
    folder: wanted.folder,
    ...(settings.cwd === undefined ? {} : { cwd: settings.cwd }),
    env: { ...process.env, ...settings.env },
  })
  return new Start(settings, wanted, python.executable).run()
}

interface Wanted {
  readonly kind: 'file' | 'module' | 'source'
  readonly value: string
  readonly name: string
  /** Where the search for an environment starts. */
  readonly folder: string
}

function describe(target: Target, cwd = process.cwd()): Wanted {
  if (typeof target === 'string' || target instanceof URL) {
    const path = resolve(cwd, target instanceof URL ? fileURLToPath(target) : target)
    if (!existsSync(path) || !statSync(path).isFile()) throw new ScriptNotFoundError(path)
    return { kind: 'file', value: path, name: path, folder: dirname(path) }
  }
  const given = target as Partial<Record<'module' | 'source' | 'name', unknown>> | null
  if (typeof given?.module === 'string')
    return { kind: 'module', value: given.module, name: given.module, folder: cwd }
  if (typeof given?.source === 'string') {
    const name = typeof given.name === 'string' ? given.name : '<source>'
    return { kind: 'source', value: given.source, name, folder: cwd }
  }
  throw new OptionError(
    "spawn() takes a path ('./model.py'), a file URL, { module: 'numpy' } or { source: 'def f(x): …' }",
  )
}

/** One attempt to start a worker. Everything is undone if it fails. */
class Start {
  readonly #settings: ResolvedOptions
  readonly #wanted: Wanted
  readonly #executable: string

  constructor(settings: ResolvedOptions, wanted: Wanted, executable: string) {
    this.#settings = settings
    this.#wanted = wanted
    this.#executable = executable
  }

  async run(): Promise<Bridge> {
    const settings = this.#settings
    const writer = new Writer(outboxBytes)
    const inbox = new Uint8Array(inboxBytes)
    let deliver: Calls['deliver'] | undefined
    const channel = new native.Channel(
      channelOptions(settings),
      writer.outbox,
      inbox,
      (bytes, status) => deliver?.(bytes, status),
    )
    if (settings.prefault > 0) channel.prefault(settings.prefault)
    const memory = new Memory(channel, settings.detach)
    const calls = new Calls(memory, writer, inbox, settings, error => {
      calls.end(error)
      memory.closed = true
      channel.hangUp()
    })
    deliver = calls.deliver

    let bridge: Bridge | undefined
    let failed: (error: Error) => void = () => {}
    const impossible = new Promise<never>((_, reject) => {
      failed = reject
    })
    impossible.catch(() => {})
    let gone: () => void = () => {}
    const exited = new Promise<void>(done => {
      gone = done
    })
    let child: Child
    const onExit = async (exit: Exit) => {
      running--
      channel.deliverRest() // results that it committed before its end are results
      channel.reap()
      const stderr = await child.lastWords()
      calls.end(
        this.#lastWords(channel.readSocket()) ??
          new WorkerExitedError(exit.code, exit.signal, stderr),
      )
      memory.closed = true
      channel.close()
      gone()
      bridge?.emit('exit', exit)
    }
    const end = () => {
      channel.hangUp()
      channel.reap()
      channel.close()
    }
    try {
      child = new Child(this.#executable, channel.peerDescriptor, settings, {
        line: (stream, text) => bridge?.emit(stream, text),
        failed: error => failed(this.#notStarted(error)),
        exited: exit => void onExit(exit),
      })
    } catch (error) {
      end()
      throw this.#notStarted(error as Error)
    } finally {
      channel.closePeer()
    }
    running++

    let timer: NodeJS.Timeout | undefined
    try {
      const ready = calls.greet(this.#hello())
      ready.catch(() => {})
      const late = new Promise<never>((_, reject) => {
        if (settings.startTimeout > 0)
          timer = setTimeout(
            () => reject(new StartTimeoutError(settings.startTimeout, child.stderr)),
            settings.startTimeout,
          )
      })
      await Promise.race([ready, impossible, late])
    } catch (error) {
      calls.end(error as Error)
      if (child.pid === undefined) end()
      else if (child.exit === undefined) channel.hangUp()
      if (child.pid !== undefined) {
        child.ref()
        await exited
      }
      throw this.#explained(error as Error)
    } finally {
      clearTimeout(timer)
    }
    bridge = new Bridge({ calls, memory, child, timeout: settings.timeout, exited })
    return bridge
  }

  #hello(): Uint8Array {
    const { kind, value, name } = this.#wanted
    return encodeValue({ protocol, version, target: { kind, value, name } }, 'hello', () => 0)
  }

  #notStarted(error: Error): Error {
    return new PythonNotFoundError([
      { rule: 'found', path: this.#executable, problem: `cannot be started: ${error.message}` },
    ])
  }

  /** What the worker said over the socket when it could not even load its half of the bridge. */
  #lastWords(datagram: string | undefined): Error | undefined {
    if (datagram === undefined) return undefined
    try {
      const words = JSON.parse(datagram) as Record<string, unknown>
      return fromPython({
        ...words,
        code: words.error,
        message: words.detail,
        found: words.version,
      })
    } catch {
      return undefined
    }
  }

  #explained(error: Error): Error {
    if (!(error instanceof PythonError)) return error
    const { type, pythonMessage: message, traceback, notes, cause } = error
    return new ModuleImportError(this.#wanted.name, { type, message, traceback, notes, cause })
  }
}

/** Bridges of this thread whose worker runs. */
let running = 0

/** Polling pays only while every process that polls has a CPU of its own: this one and each worker. */
const automaticSpin = () => (native.usableCpus() > running + 1 ? defaultSpin : 0)

function channelOptions(settings: ResolvedOptions) {
  const limitBytes = settings.memory ?? Math.floor(native.memoryBytes() / 2)
  const spin = settings.spin === 'auto' ? automaticSpin() : settings.spin
  return {
    arenaBytes: settings.arena ?? defaultArena,
    limitBytes,
    retainBytes: settings.retain ?? Math.floor(limitBytes / 4),
    ringBytes: settings.ringBytes,
    spinNs: Math.round(spin * 1000),
  }
}

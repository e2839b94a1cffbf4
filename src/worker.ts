// One worker as Node sees it: its channel, its process, the calls it has not answered, and how all of that ends.
import { readFileSync } from 'node:fs'
import type { BatchSettings } from './batcher.js'
import { Calls } from './calls.js'
import { Child, type Exit, exitOf } from './child.js'
import { encodeValue } from './codec.js'
import {
  ClosedError,
  ModuleImportError,
  ProtocolError,
  PythonError,
  PythonNotFoundError,
  StartTimeoutError,
  SystemError,
  WorkerExitedError,
} from './errors.js'
import { fromPython } from './from-python.js'
import type { LogRecord } from './log.js'
import type { Memory } from './memory.js'
import { Writer } from './message-writer.js'
import { type Channel, type ChannelBuffers, type ChannelStats, native } from './native.js'
import type { ResolvedOptions } from './options.js'

const protocol = 1
const { version } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as { version: string }

const outboxBytes = 64 * 1024
const inboxBytes = 512 * 1024
const defaultSpin = 75 // microseconds
/** How long a worker that was said goodbye to may take to end by itself; then it is hung up on. Milliseconds. */
const goodbyeTime = 1000
/** A process that closes its socket has ended a moment later. Milliseconds. */
const exitTime = 200
/** How long a worker that was hung up on may take; then it is killed. */
const hangUpTime = 2000

/** What a worker serves. */
export interface Served {
  readonly kind: 'file' | 'module' | 'source'
  /** Path, module name, or the source itself. */
  readonly value: string
  /** What errors call it. */
  readonly name: string
}

export interface WorkerEvents {
  line(stream: 'stdout' | 'stderr', text: string): void
  log(record: LogRecord): void
  /** It has room, for which calls wait. */
  room(): void
  /** No call can be made any more; the process may still run. */
  ending(): void
  /** @param reason what calls reject with */
  exited(exit: Exit, reason: Error): void
}

export interface WorkerSettings extends ResolvedOptions {
  /** The worker measures how long functions run. */
  readonly timed?: boolean
}

const noCargo = { tensor: () => 0 }

/** Workers of this thread whose process runs. */
let running = 0

/** Polling pays only while every process that polls has a CPU of its own: this one and each worker, further ones too. */
export const automaticSpin = (workers: number): number =>
  native.usableCpus() > running + workers ? defaultSpin : 0

export class Worker {
  readonly memory: Memory
  readonly calls: Calls
  /** What the module has as `async def`: known when the worker is ready. */
  asynchronous: ReadonlySet<string> = new Set()
  /** What it has as functions that take batches, by name: known then, too. */
  batches: ReadonlyMap<string, BatchSettings> = new Map()
  /** Resolves when the process has been reaped and every call is settled. */
  readonly exited: Promise<void>
  readonly #channel: Channel
  readonly #child: Child
  readonly #served: Served
  readonly #threads: number
  readonly #timed: boolean
  readonly #startTimeout: number
  readonly #events: WorkerEvents
  #kill: NodeJS.Timeout | undefined
  /** The function for which it was killed. */
  #killedFor: string | undefined
  #fail: (error: Error) => void = () => {}
  /** Rejects when the process cannot be started at all. */
  readonly #failed: Promise<never>

  /** @throws PythonNotFoundError when the executable is none */
  constructor(
    executable: string,
    served: Served,
    settings: WorkerSettings,
    memory: Memory,
    events: WorkerEvents,
  ) {
    const writer = new Writer(outboxBytes)
    const inbox = new Uint8Array(inboxBytes)
    const channel = openChannel(
      memory,
      settings,
      writer.outbox,
      inbox,
      (bytes, status) => this.calls.deliver(bytes, status),
      memory.asks,
      () => this.calls.settle(),
    )
    this.#channel = channel
    this.#served = served
    this.#threads = settings.threads
    this.#timed = settings.timed === true
    this.#startTimeout = settings.startTimeout
    this.#events = events
    this.memory = memory
    this.calls = new Calls(channel, memory, writer, inbox, settings, {
      failed: error => this.#break(error),
      interrupt: () => this.#child.signal('SIGURG'),
      kill: name => {
        this.#killedFor = name
        this.#child.signal('SIGKILL')
      },
      log: events.log,
      room: events.room,
      ended: () => this.#lost(),
    })
    this.#failed = new Promise((_, reject) => {
      this.#fail = error => reject(notStarted(executable, error))
    })
    this.#failed.catch(() => {})

    let gone: () => void = () => {}
    this.exited = new Promise(done => {
      gone = done
    })
    try {
      this.#child = new Child(executable, channel.peerDescriptor, settings, {
        line: events.line,
        failed: error => this.#fail(error),
        exited: exit => {
          running--
          void this.#bury(exit)
            .then(gone)
            .then(() => events.exited(exit, this.calls.reason!))
        },
      })
    } catch (error) {
      this.#release()
      throw notStarted(executable, error as Error)
    } finally {
      channel.closePeer()
    }
    if (this.#child.pid === undefined) return
    running++
    channel.watchProcess(this.#child.pid)
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** Figures of the conversation, also when it is over. */
  stats(): ChannelStats {
    return this.#channel.stats()
  }

  /**
   * Resolves when the worker has imported what it serves.
   * @throws StartError; the process is gone then
   */
  async ready(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const timeout = this.#startTimeout
      if (timeout > 0)
        timer = setTimeout(
          () => reject(new StartTimeoutError(timeout, this.#child.stderr)),
          timeout,
        )
    })
    try {
      const hello = {
        protocol,
        version,
        target: { ...this.#served },
        threads: this.#threads,
        timed: this.#timed,
      }
      const greeting = this.calls.greet(encodeValue(hello, 'hello', noCargo))
      greeting.catch(() => {})
      const answer = await Promise.race([greeting, this.#failed, late])
      this.asynchronous = namesIn(answer)
      this.batches = batchesIn(answer, name => (this.asynchronous.has(name) ? 1 : this.#threads))
    } catch (error) {
      this.#break(error as Error)
      if (this.#child.pid === undefined) this.#release()
      else {
        this.#child.ref()
        await this.exited
      }
      throw this.#explained(error as Error)
    } finally {
      clearTimeout(timer)
    }
  }

  /** Ends the worker: by a goodbye if it is idle, else by hanging up. @param reason what pending calls reject with */
  async close(reason: Error = new ClosedError()): Promise<void> {
    const busy = this.calls.pending > 0
    const runs = this.#child.pid !== undefined && this.#child.exit === undefined
    if (runs) this.#child.ref()
    if (runs && !busy) this.calls.sayGoodbye()
    this.calls.end(reason)
    this.#events.ending()
    if (this.#child.pid === undefined) return // ready() says why
    if (!runs) return this.exited
    const timer = setTimeout(() => this.#hangUp(), busy ? 0 : goodbyeTime)
    await this.exited
    clearTimeout(timer)
  }

  /** Ends the process at once, whatever it does. @param reason what pending calls reject with, if not with how it ended */
  kill(reason?: Error): void {
    if (reason !== undefined) this.calls.end(reason)
    if (this.#child.exit !== undefined) return
    this.#child.ref()
    this.#child.signal('SIGKILL')
  }

  /** Somebody waits for its end: Node stays alive until then. */
  ref(): void {
    this.#child.ref()
  }

  /** It is of no use any more: nothing is sent, and the process is made to end. */
  #break(error: Error): void {
    this.calls.end(error)
    this.#events.ending()
    this.#hangUp()
  }

  /** Ends the process at once; one that does not notice is killed. */
  #hangUp(): void {
    this.#channel.hangUp()
    if (this.#child.pid === undefined || this.#child.exit !== undefined) return
    this.#kill ??= setTimeout(() => this.#child.signal('SIGKILL'), hangUpTime).unref()
  }

  /** The process has been reaped: what it committed before is delivered, and its leases are dropped. */
  async #bury(exit: Exit): Promise<void> {
    clearTimeout(this.#kill)
    this.#channel.deliverRest()
    this.#channel.reap()
    const stderr = await this.#child.lastWords()
    const words = lastWords(this.#channel.readSocket())
    this.calls.end(words ?? new WorkerExitedError(exit.code, exit.signal, stderr, this.#killedFor))
    this.#events.ending()
    this.#channel.close()
  }

  /** It has ended while the event loop stands still: what is known of that before libuv has seen it. */
  #lost(): Error {
    const { code, signal } = this.#child.exit ?? exitOf(this.#channel.exitStatus(exitTime))
    return new WorkerExitedError(code, signal, this.#child.stderr)
  }

  /** There never was a process. */
  #release(): void {
    this.#channel.hangUp()
    this.#channel.reap()
    this.#channel.close()
  }

  /** What Python raises before the worker is ready, it raised during the import. */
  #explained(error: Error): Error {
    if (!(error instanceof PythonError)) return error
    const { type, pythonMessage: message, traceback, notes, cause } = error
    return new ModuleImportError(this.#served.name, { type, message, traceback, notes, cause })
  }
}

/** The list `asynchronous` of a greeting. */
function namesIn(greeting: unknown): ReadonlySet<string> {
  const { asynchronous } = (greeting ?? {}) as { readonly asynchronous?: unknown }
  return new Set(Array.isArray(asynchronous) ? asynchronous.filter(isText) : [])
}

/** The map `batches` of a greeting: `[max_size, max_delay_ms, concurrency or nil]` by name. */
function batchesIn(
  greeting: unknown,
  usual: (name: string) => number,
): ReadonlyMap<string, BatchSettings> {
  const { batches } = (greeting ?? {}) as { readonly batches?: Record<string, unknown> }
  const found = new Map<string, BatchSettings>()
  for (const [name, settings] of Object.entries(batches ?? {})) {
    const [size, delay, concurrency] = Array.isArray(settings) ? (settings as unknown[]) : []
    const places = concurrency ?? usual(name)
    if (!isCount(size) || typeof delay !== 'number' || !(delay >= 0) || !isCount(places))
      throw new ProtocolError(`the settings of batches of ${name} are not [size, delay, places]`)
    found.set(name, { size, delay, concurrency: places })
  }
  return found
}

const isCount = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 1

const isText = (value: unknown) => typeof value === 'string'

/** Not the interpreter's fault: descriptors, processes or memory have run out. */
const exhausted = new Set(['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM'])

function notStarted(executable: string, error: NodeJS.ErrnoException): Error {
  if (exhausted.has(error.code ?? ''))
    return new SystemError(`${executable} cannot be started: ${error.message}`, { cause: error })
  return new PythonNotFoundError([
    { rule: 'found', path: executable, problem: `cannot be started: ${error.message}` },
  ])
}

/** What the worker said over the socket when it could not even load its half of the bridge. */
function lastWords(datagram: string | undefined): Error | undefined {
  if (datagram === undefined) return undefined
  try {
    const words = JSON.parse(datagram) as Record<string, unknown>
    const { error: code, detail: message, version: found } = words
    return fromPython({ ...words, code, message, found })
  } catch {
    return undefined
  }
}

function openChannel(memory: Memory, settings: ResolvedOptions, ...rest: ChannelBuffers): Channel {
  const spin = settings.spin === 'auto' ? automaticSpin(1) : settings.spin
  const options = { ringBytes: settings.ringBytes, spinNs: Math.round(spin * 1000) }
  try {
    return new native.Channel(memory.native, options, ...rest)
  } catch (error) {
    throw new SystemError((error as Error).message, { cause: error })
  }
}

// The Python process: started, listened to, and seen to end.
import { type ChildProcess, spawn as spawnProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { LastLines, type LineEnd, LineSplitter } from './lines.js'
import type { Channel } from './native.js'
import type { ResolvedOptions, StreamOption } from './options.js'

/** The start of the Python package that belongs to this very version. */
const workerProgram = fileURLToPath(new URL('../python/isthmus/__main__.py', import.meta.url))
/** Where the published package has the extension for this platform; in the repository it is in the Python package. */
const extension = fileURLToPath(
  new URL(`../prebuilds/${process.platform}-${process.arch}`, import.meta.url),
)
/** The descriptor that the worker inherits. */
const workerDescriptor = 3
/** What a start takes for a moment: a pair each for stdout, stderr, and the news whether the program could be run. */
const descriptorsOfAStart = 6
/** Grandchildren may hold stderr open for ever: after the exit it is drained for so many milliseconds at most. */
const drainTime = 100

export interface Exit {
  readonly code: number | null
  readonly signal: string | null
}

/** What the addon says of a process that libuv has not reaped yet. */
export function exitOf(status: ReturnType<Channel['exitStatus']>): Exit {
  const signal = Object.entries(constants.signals).find(([, number]) => number === status?.signal)
  return { code: status?.code ?? null, signal: signal?.[0] ?? null }
}

export interface ChildEvents {
  line(stream: 'stdout' | 'stderr', text: string): void
  /** It could not be started at all. */
  failed(error: Error): void
  /** The process has been reaped. */
  exited(exit: Exit): void
}

export class Child {
  readonly #process: ChildProcess
  readonly #lastLines = new LastLines()
  readonly #drained: Promise<unknown>
  exit: Exit | undefined

  constructor(
    executable: string,
    descriptor: number,
    options: ResolvedOptions,
    events: ChildEvents,
  ) {
    checkDescriptors()
    const command = [workerProgram, '--fd', String(workerDescriptor), '--extension', extension]
    this.#process = spawnProcess(executable, command, {
      cwd: options.cwd,
      env: environment(options.env),
      stdio: ['ignore', 'pipe', 'pipe', descriptor],
    })
    const { stdout, stderr } = this.#process as { stdout?: Readable; stderr?: Readable }
    this.#process.on('error', error => events.failed(error))
    this.#process.once('exit', (code, signal) => {
      this.exit = { code, signal }
      events.exited(this.exit)
    })
    if (stdout === undefined || stderr === undefined) {
      this.#drained = Promise.resolve() // it was not started: 'error' says why
      return
    }
    const ended = [
      this.#listen('stdout', stdout, options.stdout, events),
      this.#listen('stderr', stderr, options.stderr, events),
    ]
    this.#drained = Promise.all(ended)
    this.unref()
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  /** The last lines it wrote to stderr, once what it wrote before its end has arrived. */
  async lastWords(): Promise<string[]> {
    let timer: NodeJS.Timeout | undefined
    const patience = new Promise(resolve => {
      timer = setTimeout(resolve, drainTime)
    })
    await Promise.race([this.#drained, patience])
    clearTimeout(timer)
    return this.#lastLines.get()
  }

  get stderr(): string[] {
    return this.#lastLines.get()
  }

  signal(name: 'SIGKILL' | 'SIGURG'): void {
    this.#process.kill(name)
  }

  /** The process keeps this one alive only while it is waited for. */
  ref(): void {
    this.#process.ref()
  }

  unref(): void {
    this.#process.unref()
    for (const stream of [this.#process.stdout, this.#process.stderr])
      (stream as unknown as { unref?(): void }).unref?.()
  }

  #listen(
    name: 'stdout' | 'stderr',
    stream: Readable,
    option: StreamOption,
    events: ChildEvents,
  ): Promise<void> {
    const lines = new LineSplitter((text: string, end: LineEnd) => {
      if (name === 'stderr') this.#lastLines.push(text, end)
      if (option === 'inherit') process[name].write(text + end)
      if (option !== 'ignore') events.line(name, text)
    })
    stream.on('data', (chunk: Uint8Array) => lines.write(chunk))
    return new Promise(resolve => {
      stream.once('close', () => {
        lines.end()
        resolve()
      })
    })
  }
}

/**
 * Node does not close the pipes that it has made when descriptors run out in the middle of a start.
 * @throws EMFILE
 */
function checkDescriptors(): void {
  const held: number[] = []
  try {
    while (held.length < descriptorsOfAStart) held.push(openSync(workerProgram, 'r'))
  } finally {
    for (const descriptor of held) closeSync(descriptor)
  }
}

function environment(changes: ResolvedOptions['env']): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, ...changes }
  for (const [name, value] of Object.entries(changes)) if (value === undefined) delete env[name]
  return env
}

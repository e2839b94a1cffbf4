import { existsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Bridge } from './bridge.js'
import { OptionError, ScriptNotFoundError } from './errors.js'
import { Memory } from './memory.js'
import { resolveOptions, type SpawnOptions } from './options.js'
import { findPython } from './python.js'
import { type Served, Worker, type WorkerEvents } from './worker.js'

/** What the worker serves: a Python file, a module by name, or Python source. */
export type Target =
  | string
  | URL
  | { readonly module: string }
  | { readonly source: string; readonly name?: string }

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
  // What is printed during the import is emitted when the caller has had a chance to listen.
  const early: (() => void)[] = []
  let bridge: Bridge | undefined
  const emit = (event: () => void) => (bridge === undefined ? early.push(event) : event())
  const { kind, value, name } = wanted
  const memory = new Memory(settings)
  const events: WorkerEvents = {
    line: (stream, text) => emit(() => bridge?.emit(stream, text)),
    log: record => emit(() => queueMicrotask(() => bridge?.emit('log', record))),
    ending: () => {
      memory.closed = true
    },
    exited: exit => {
      memory.close()
      emit(() => bridge?.emit('exit', exit))
    },
  }
  let worker: Worker
  try {
    worker = new Worker(python.executable, { kind, value, name }, settings, memory, events)
    await worker.ready()
  } catch (error) {
    memory.close()
    throw error
  }
  const ready = new Bridge(worker, settings.timeout)
  setImmediate(() => {
    bridge = ready
    for (const event of early) event()
  })
  return ready
}

interface Wanted extends Served {
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

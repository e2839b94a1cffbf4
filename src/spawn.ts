import { existsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Bridge } from './bridge.js'
import { OptionError, ScriptNotFoundError } from './errors.js'
import { Memory } from './memory.js'
import { type ResolvedOptions, resolveOptions, type SpawnOptions } from './options.js'
import { findPython } from './python.js'
import { type Served, Worker } from './worker.js'

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
  const { executable, served, env, watched } = prepareStart('spawn()', target, settings)
  const memory = new Memory(settings)
  const bridge = new Bridge(
    memory,
    settings,
    events => new Worker(executable, served, { ...settings, env }, memory, events),
  )
  await bridge.start(watched)
  return bridge
}

/** What every start of a worker for this target needs. */
export interface Start {
  /** The interpreter. */
  readonly executable: string
  readonly served: Served
  readonly env: ResolvedOptions['env']
  /** The folder whose sources are watched. */
  readonly watched: string | undefined
}

/** @throws PythonNotFoundError, ScriptNotFoundError, OptionError */
export function prepareStart(what: string, target: Target, settings: ResolvedOptions): Start {
  const { cwd } = settings
  const [served, folder] = describe(what, target, cwd)
  if (settings.watch && served.kind === 'source')
    throw new OptionError(`option 'watch' of ${what} needs a file or a module, not a source text`)
  const { executable } = findPython({
    python: settings.python,
    folder,
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, ...settings.env },
  })
  if (!settings.watch) return { executable, served, env: settings.env, watched: undefined }
  // Python takes compiled source for current if it has the same length and was written in the same second.
  return { executable, served, env: { ...withoutCache, ...settings.env }, watched: folder }
}

const targetKeys = new Set(['module', 'source', 'name'])

const withoutCache = { PYTHONDONTWRITEBYTECODE: '1' }

/** What is served, and where the search for an environment starts. */
function describe(
  what: string,
  target: Target,
  cwd = process.cwd(),
): [served: Served, folder: string] {
  if (typeof target === 'string' || target instanceof URL) {
    const path = resolve(cwd, target instanceof URL ? fileURLToPath(target) : target)
    if (!existsSync(path) || !statSync(path).isFile()) throw new ScriptNotFoundError(path)
    return [{ kind: 'file', value: path, name: path }, dirname(path)]
  }
  const given = target as Partial<Record<'module' | 'source' | 'name', unknown>> | null
  const stray = Object.keys(given ?? {}).find(key => !targetKeys.has(key))
  if (stray !== undefined)
    throw new OptionError(
      `${what}: '${stray}' is not part of the target; options are the second argument`,
    )
  if (typeof given?.module === 'string')
    return [{ kind: 'module', value: given.module, name: given.module }, cwd]
  if (typeof given?.source === 'string') {
    const name = typeof given.name === 'string' ? given.name : '<source>'
    return [{ kind: 'source', value: given.source, name }, cwd]
  }
  throw new OptionError(
    `${what} takes a path ('./model.py'), a file URL, { module: 'numpy' } or { source: 'def f(x): …' }`,
  )
}

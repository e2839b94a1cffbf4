import { accessSync, constants, lstatSync, statSync } from 'node:fs'
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path'
import { type Attempt, PythonNotFoundError } from './errors.js'

export interface Interpreter {
  /** Absolute path. A link is not followed: its place is how Python knows its environment. */
  readonly executable: string
  /** The rule that found it: `option python`, `ISTHMUS_PYTHON`, `VIRTUAL_ENV`, `CONDA_PREFIX`, `.venv`, `PATH`, … */
  readonly source: string
  /** What was tried before. */
  readonly tried: readonly Attempt[]
}

export interface PythonSearch {
  /** The option `python`: a path, or a name on PATH. */
  readonly python?: string | undefined
  /** Where the search for `.venv` and `venv` starts, upwards: the script's folder. */
  readonly folder: string
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
}

const onWindows = process.platform === 'win32'
const inEnvironment = onWindows ? ['Scripts', 'python.exe'] : ['bin', 'python']

/**
 * Finds the interpreter without starting it; the worker says itself if its version or packages do not fit.
 * What the user names is taken or refused, never passed over. The rest is searched in the order of the rules below.
 * @throws PythonNotFoundError with everything tried
 */
export function findPython(search: PythonSearch): Interpreter {
  const { python, folder, cwd = process.cwd(), env = process.env } = search
  const tried: Attempt[] = []
  const accept = (source: string, path: string): Interpreter | undefined => {
    const executable = resolve(cwd, path)
    const problem = problemWith(executable)
    if (problem === undefined) return { executable, source, tried }
    tried.push({ rule: source, path: executable, problem })
    return undefined
  }
  const named = (source: string, given: string): Interpreter => {
    const isPath = isAbsolute(given) || given.includes('/') || (onWindows && given.includes('\\'))
    const found = isPath ? accept(source, given) : onPath(source, [given])
    if (found === undefined) throw new PythonNotFoundError(tried)
    return found
  }
  const onPath = (source: string, names: readonly string[]): Interpreter | undefined => {
    const folders = (env.PATH ?? '').split(delimiter).filter(entry => entry !== '')
    for (const name of names) {
      const file = onWindows && !name.endsWith('.exe') ? `${name}.exe` : name
      for (const entry of folders) {
        const executable = resolve(cwd, entry, file)
        if (problemWith(executable) === undefined) return { executable, source, tried }
      }
      tried.push({
        rule: source,
        path: name,
        problem: `is in none of the ${folders.length} folders of PATH`,
      })
    }
    return undefined
  }

  if (python !== undefined) return named('option python', python)
  if (env.ISTHMUS_PYTHON) return named('ISTHMUS_PYTHON', env.ISTHMUS_PYTHON)
  const found =
    activeEnvironment(env, accept, tried) ??
    environmentAbove(resolve(cwd, folder), accept, tried) ??
    onPath('PATH', ['python3', 'python'])
  if (found === undefined) throw new PythonNotFoundError(tried)
  return found
}

type Accept = (source: string, path: string) => Interpreter | undefined

function activeEnvironment(env: NodeJS.ProcessEnv, accept: Accept, tried: Attempt[]) {
  const { VIRTUAL_ENV, CONDA_PREFIX, CONDA_DEFAULT_ENV } = env
  const found = VIRTUAL_ENV && accept('VIRTUAL_ENV', join(VIRTUAL_ENV, ...inEnvironment))
  if (found) return found
  if (!CONDA_PREFIX) return undefined
  // Conda activates its base environment in every shell: that is no choice for this project. It is still on PATH.
  if (CONDA_DEFAULT_ENV === 'base') {
    tried.push({
      rule: 'CONDA_PREFIX',
      path: CONDA_PREFIX,
      problem: "is conda's base environment: left to PATH",
    })
    return undefined
  }
  const relative = onWindows ? ['python.exe'] : inEnvironment
  return accept('CONDA_PREFIX', join(CONDA_PREFIX, ...relative))
}

function environmentAbove(start: string, accept: Accept, tried: Attempt[]) {
  for (let folder = start; ; folder = dirname(folder)) {
    for (const name of ['.venv', 'venv']) {
      const environment = join(folder, name)
      // Only a folder that is there is worth a line of its own in the error.
      const found = exists(environment) && accept(name, join(environment, ...inEnvironment))
      if (found) return found
    }
    if (dirname(folder) === folder) break
  }
  tried.push({
    rule: '.venv, venv',
    path: start,
    problem: 'and the folders above it have none that works',
  })
  return undefined
}

/** Why the file cannot be started, or undefined. */
function problemWith(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined)
    return exists(path)
      ? 'is a link to a Python that is gone; make the environment again'
      : 'does not exist'
  if (!stat.isFile()) return 'is not a file'
  try {
    accessSync(path, constants.X_OK)
    return undefined
  } catch {
    return 'is not executable'
  }
}

/** Also true for a link that leads nowhere. */
const exists = (path: string) => lstatSync(path, { throwIfNoEntry: false }) !== undefined

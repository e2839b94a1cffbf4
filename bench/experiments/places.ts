// Where experiments keep what they fetch and make. All of it is ignored by git, except results.
import { copyFileSync, existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root, source } from '../paths.js'

export const experimentPython = join(root, '.venv-experiments', 'bin', 'python')

export const here = (...parts: string[]): string => source('experiments', ...parts)

export const compiled = (...parts: string[]): string =>
  join(root, 'build', 'ts', 'bench', 'experiments', ...parts)

/** A folder under `.cache`, made if need be. */
export function cache(...parts: string[]): string {
  const folder = join(root, '.cache', 'experiments', ...parts)
  mkdirSync(folder, { recursive: true })
  return folder
}

/**
 * A copy of the running Node, for arms. Pages of a file count by share in PSS, and Node runs outside the arms,
 * too: with the same file, half of Node's own code and more would be missing from each sum.
 */
export function ownNode(): string {
  const copy = join(cache('node', process.version), 'node')
  if (!existsSync(copy) || statSync(copy).size !== statSync(process.execPath).size) {
    mkdirSync(dirname(copy), { recursive: true })
    copyFileSync(process.execPath, copy)
  }
  return copy
}

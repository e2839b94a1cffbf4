// Where things are, whether this file runs from source or from the build's output folder.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository: the nearest folder upwards whose package.json names isthmus. */
function findRoot(): string {
  if (process.env.ISTHMUS_BENCH_ROOT) return process.env.ISTHMUS_BENCH_ROOT
  let folder = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    const manifest = join(folder, 'package.json')
    if (existsSync(manifest) && /"name":\s*"isthmus"/.test(readFileSync(manifest, 'utf8')))
      return folder
    const parent = dirname(folder)
    if (parent === folder)
      throw new Error(`no package.json of isthmus above ${fileURLToPath(import.meta.url)}`)
    folder = parent
  }
}

export const root = findRoot()

/** A file beside the sources (Python servers, C++ floors, results), which tsc does not copy. */
export const source = (...parts: string[]): string => join(root, 'bench', ...parts)

/** The interpreter every contender uses: ISTHMUS_PYTHON, else the repository's .venv, else python3. */
export function python(): string {
  if (process.env.ISTHMUS_PYTHON) return process.env.ISTHMUS_PYTHON
  const local = join(root, '.venv', 'bin', 'python')
  return existsSync(local) ? local : 'python3'
}

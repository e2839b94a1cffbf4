// Where things are: in the repository, where this runs from build/ts/bench, and in the package, from dist/bench.
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))

/** The repository, or the package: the nearest folder upwards whose package.json names isthmus. */
function findRoot(): string {
  if (process.env.ISTHMUS_BENCH_ROOT) return process.env.ISTHMUS_BENCH_ROOT
  let folder = here
  for (;;) {
    const manifest = join(folder, 'package.json')
    if (existsSync(manifest) && /"name":\s*"isthmus"/.test(readFileSync(manifest, 'utf8')))
      return folder
    const parent = dirname(folder)
    if (parent === folder) throw new Error(`no package.json of isthmus above ${here}`)
    folder = parent
  }
}

export const root = findRoot()

/** Whether this is the package, where nothing may be written, rather than the repository. */
export const isPackage = !existsSync(join(root, 'bench', 'paths.ts'))

const folder = isPackage ? here : join(root, 'bench')

/** A file beside the sources (Python servers, C++ floors), which tsc does not copy. */
export const source = (...parts: string[]): string => join(folder, ...parts)

/** Where rivals are installed and floors compiled: `.cache/bench`, or a folder of the user's. */
export const cacheRoot = isPackage
  ? join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'isthmus', 'bench')
  : join(root, '.cache', 'bench')

/** Where a run writes its result when it is not told where. */
export const resultsFolder = isPackage ? process.cwd() : join(folder, 'results')

/** The interpreter every contender uses: ISTHMUS_PYTHON, else the repository's .venv, else python3. */
export function python(): string {
  if (process.env.ISTHMUS_PYTHON) return process.env.ISTHMUS_PYTHON
  const local = join(root, '.venv', 'bin', 'python')
  return existsSync(local) ? local : 'python3'
}

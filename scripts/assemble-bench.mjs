// Puts the benchmarks where the package carries them: compiled to dist/bench, each file beside what it starts.
// Their one source is bench/; experiments, results and types stay in the repository.
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { filesUnder, root } from './step.mjs'

export const benchFolder = 'dist/bench'

const left = /^bench\/(experiments|results)\/|^bench\/(compare|readme)\.ts$|__pycache__/

/** Sources by the path at which the package has them. */
export function benchFiles() {
  const sources = filesUnder('bench', path => /\.(ts|py|cc|h|txt)$/.test(path) && !left.test(path))
  return new Map(
    sources.map(path => [path.replace(/^bench/, benchFolder).replace(/\.ts$/, '.js'), path]),
  )
}

/** Below `into`, as in the package. */
export function assembleBench(into = root) {
  rmSync(join(into, benchFolder), { recursive: true, force: true })
  for (const [path, source] of benchFiles()) {
    const built = source.endsWith('.ts') ? join('build/ts', source.replace(/\.ts$/, '.js')) : source
    const text = readFileSync(join(root, built), 'utf8')
    mkdirSync(dirname(join(into, path)), { recursive: true })
    // A map would lead to sources that are not there.
    writeFileSync(join(into, path), text.replace(/^\/\/# sourceMappingURL=.*\n?/m, ''))
    chmodSync(join(into, path), 0o644)
  }
}

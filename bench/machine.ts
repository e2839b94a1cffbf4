// Where and with what a result was measured.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { allowedCpus } from './cores.js'
import { manifests, versionOf } from './packages.js'
import { isPackage, python, root, source } from './paths.js'

type Versions = Readonly<Record<string, string>>

export interface Machine {
  readonly cpu: string
  readonly cpus: number
  readonly memoryGb: number
  readonly kernel: string
  readonly hugePages: string
  /** The CPUs that a run may use. */
  readonly cores?: readonly number[]
  readonly loadBefore: number
  readonly loadAfter?: number
  readonly node: string
  readonly python: string
  /** Of PyPI. */
  readonly packages: Versions
  /** Of npm, isthmus among them. */
  readonly npm?: Versions
  readonly commit: string
}

const kProbe = `
import importlib.metadata as m, json, platform, sys
def version(name):
    try: return m.version(name)
    except m.PackageNotFoundError: return 'missing'
print(json.dumps([platform.python_version(), {name: version(name) for name in sys.argv[1:]}]))`

function attempt<T>(value: () => T, otherwise: T): T {
  try {
    return value()
  } catch {
    return otherwise
  }
}

const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim()

/** What rivals in Python are made of. */
function pythonPackages(): string[] {
  const lines = readFileSync(source('requirements.txt'), 'utf8').split('\n')
  return ['numpy', 'msgspec', ...lines.flatMap(line => /^[\w.-]+(?===)/.exec(line)?.[0] ?? [])]
}

/** Isthmus, and what is installed of the rivals' packages. */
function npmPackages(): Versions {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string
  }
  const rivals = Object.keys(manifests).flatMap((name): [string, string][] => {
    const version = attempt(() => versionOf(name), undefined)
    return version === undefined ? [] : [[name, version]]
  })
  return { isthmus: version, ...Object.fromEntries(rivals) }
}

/** The repository's commit; the package has a version only. */
function commitHere(): string {
  if (isPackage) return 'of the package'
  const commit = attempt(() => run('git', 'rev-parse', '--short', 'HEAD'), 'none')
  const changed = attempt(() => run('git', 'status', '--porcelain', '--untracked-files=no'), '')
  return changed === '' ? commit : `${commit} with changes`
}

export const load = (): number => loadavg()[0] ?? 0

export function describeMachine(): Machine {
  const [version, packages] = attempt(
    () => JSON.parse(run(python(), '-c', kProbe, ...pythonPackages())) as [string, Versions],
    ['unknown', {}] as [string, Versions],
  )
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cpus: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    hugePages: attempt(
      () => readFileSync('/sys/kernel/mm/transparent_hugepage/enabled', 'utf8').trim(),
      'unknown',
    ),
    cores: attempt(allowedCpus, []),
    loadBefore: load(),
    node: process.versions.node,
    python: version,
    packages,
    npm: npmPackages(),
    commit: commitHere(),
  }
}

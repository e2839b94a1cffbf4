// Where and with what a result was measured.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { python, root } from './paths.js'

export interface Machine {
  readonly cpu: string
  readonly cpus: number
  readonly memoryGb: number
  readonly kernel: string
  readonly hugePages: string
  readonly loadBefore: number
  readonly node: string
  readonly python: string
  readonly packages: Readonly<Record<string, string>>
  readonly commit: string
}

const kPackages = ['numpy', 'msgspec', 'fastapi', 'uvicorn', 'uvloop', 'httptools', 'joblib']
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

export function describeMachine(): Machine {
  const [version, packages] = attempt(
    () => JSON.parse(run(python(), '-c', kProbe, ...kPackages)) as [string, Record<string, string>],
    ['unknown', {}] as [string, Record<string, string>],
  )
  const dirty = attempt(
    () => run('git', 'status', '--porcelain', '--untracked-files=no') !== '',
    false,
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
    loadBefore: loadavg()[0] ?? 0,
    node: process.versions.node,
    python: version,
    packages,
    commit:
      attempt(() => run('git', 'rev-parse', '--short', 'HEAD'), 'none') +
      (dirty ? ' with changes' : ''),
  }
}

// Installs packages of npm that have Python inside, each into a folder of its own under .cache: they are
// rivals, not dependencies. They are compiled there against the Python that everyone else uses.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { python, root, source } from './paths.js'

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
  readonly overrides?: Readonly<Record<string, string>>
}

const kManifests: Readonly<Record<string, Manifest>> = {
  'node-calls-python': { dependencies: { 'node-calls-python': '1.11.1' } },
  // Its C++14 does not compile with newer ones.
  pymport: { dependencies: { pymport: '1.5.1' }, overrides: { 'node-addon-api': '8.3.1' } },
}

const kLimitMs = 300_000
const folderOf = (name: string): string => join(root, '.cache', 'bench', name)
const failureOf = (name: string): string => join(folderOf(name), 'failure.txt')
const manifestOf = (name: string): string =>
  JSON.stringify({ private: true, ...kManifests[name] }, null, 2)

/** Where the interpreter's own folders are: not those of its virtual environment. */
interface Home {
  readonly bin: string
  readonly lib: string
  readonly pkgConfig: string
  readonly packages: string
}

function home(): Home {
  const probe = `import json, sysconfig as s
print(json.dumps([*s.get_config_vars("BINDIR", "LIBDIR", "LIBPC"), s.get_path("purelib")]))`
  const output = execFileSync(python(), ['-c', probe], { encoding: 'utf8' })
  const [bin = '', lib = '', pkgConfig = '', packages = ''] = JSON.parse(output) as string[]
  return { bin, lib, pkgConfig, packages }
}

/** The environment in which they find this Python: to compile, and later to load. */
function environment({ bin, lib, pkgConfig }: Home): NodeJS.ProcessEnv {
  return {
    PATH: [bin, process.env.PATH].join(delimiter),
    PKG_CONFIG_PATH: pkgConfig,
    LDFLAGS: `-Wl,-rpath,${lib}`,
    npm_config_build_from_source: 'true', // a prebuilt one brings a Python of its own
    npm_config_ignore_scripts: 'false', // .npmrc of the repository says otherwise; compiling is a script
  }
}

/** Tried anew by each run that needs it, until it succeeds. */
function install(name: string): void {
  const folder = folderOf(name)
  const done = join(folder, 'installed.json')
  const stamp = `${manifestOf(name)}\n${process.version} ${python()}`
  if (existsSync(done) && readFileSync(done, 'utf8') === stamp) return
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), manifestOf(name))
  process.stderr.write(`installing ${name}\n`)
  const args = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error']
  const { status, stdout, stderr, error } = spawnSync('npm', args, {
    cwd: folder,
    env: { ...process.env, ...environment(home()) },
    encoding: 'utf8',
    timeout: kLimitMs,
    maxBuffer: 2 ** 26,
  })
  if (status === 0) {
    writeFileSync(done, stamp)
    return
  }
  const output = error?.message ?? `${stdout}${stderr}`
  const reason = /^.*(?:error:|ENOTFOUND|E4\d\d|EAI_AGAIN).*$/m.exec(output)?.[0] ?? output
  writeFileSync(failureOf(name), `npm install ${name} failed: ${reason.trim()}`)
}

/** Installs what a run needs. Whoever cannot be installed says so when it is started. */
export function installEmbeddings(names: readonly string[]): void {
  for (const name of names) install(name)
}

/** The package's exports. Python's path is set beforehand, so that it finds our functions and numpy. */
export function embedded(name: string): unknown {
  if (existsSync(failureOf(name))) throw new Error(readFileSync(failureOf(name), 'utf8'))
  const here = home()
  process.env.PATH = environment(here).PATH
  process.env.PYTHONPATH = [here.packages, source('contenders')].join(delimiter)
  return createRequire(join(folderOf(name), 'package.json'))(name)
}

// Installs the rivals that come from npm, each into a folder of its own under a cache: they are no dependencies. Those
// with Python inside are compiled there against the Python that everyone else uses.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { UnavailableError } from './contender.js'
import { python as benchPython, cacheRoot, source } from './paths.js'

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
  readonly overrides?: Readonly<Record<string, string>>
}

const exactly = (name: string, version: string): Manifest => ({ dependencies: { [name]: version } })

export const manifests: Readonly<Record<string, Manifest>> = {
  '@grpc/grpc-js': exactly('@grpc/grpc-js', '1.14.7'),
  metacall: exactly('metacall', '0.5.2'),
  msgpackr: exactly('msgpackr', '2.1.3'),
  'node-calls-python': exactly('node-calls-python', '1.11.1'),
  // Its C++14 does not compile with newer ones of node-addon-api.
  pymport: { ...exactly('pymport', '1.5.1'), overrides: { 'node-addon-api': '8.3.1' } },
  'python-shell': exactly('python-shell', '5.0.0'),
  pythonia: exactly('pythonia', '1.2.6'),
  'shm-typed-array': { ...exactly('shm-typed-array', '0.1.1'), overrides: { nan: '2.30.0' } },
  undici: exactly('undici', '7.30.2'),
  zeromq: exactly('zeromq', '6.8.0'),
}

/** Packages that embed Python: they have to find it when they are compiled, and when they are loaded. */
const kEmbeddings: ReadonlySet<string> = new Set(['node-calls-python', 'pymport'])

const kLimitMs = 300_000

export interface Place {
  /** The folder in which each package has a folder. */
  readonly cache: string
  /** The interpreter that embeddings are compiled against. */
  readonly python: string
}

const benchPlace: Place = { cache: cacheRoot, python: benchPython() }

const folderOf = (name: string, { cache }: Place): string => join(cache, name)
const failureOf = (name: string, place: Place): string => join(folderOf(name, place), 'failure.txt')
const manifestOf = (name: string): string =>
  JSON.stringify({ private: true, ...manifests[name] }, null, 2)

/** In the repository some are there already: it uses them itself. */
const beside = createRequire(import.meta.url)
function isBeside(name: string): boolean {
  try {
    beside.resolve(name)
    return true
  } catch {
    return false
  }
}

/** Where the interpreter's own folders are: not those of its virtual environment. */
interface Home {
  readonly bin: string
  readonly lib: string
  readonly pkgConfig: string
  readonly packages: string
}

function homeOf(python: string): Home {
  const probe = `import json, sysconfig as s
print(json.dumps([*s.get_config_vars("BINDIR", "LIBDIR", "LIBPC"), s.get_path("purelib")]))`
  const output = execFileSync(python, ['-c', probe], { encoding: 'utf8' })
  const [bin = '', lib = '', pkgConfig = '', packages = ''] = JSON.parse(output) as string[]
  return { bin, lib, pkgConfig, packages }
}

const pathWith = ({ bin }: Home): string => [bin, process.env.PATH].join(delimiter)

function environment(name: string, { python }: Place): NodeJS.ProcessEnv {
  const env = {
    ...process.env,
    npm_config_ignore_scripts: 'false', // .npmrc of the repository says otherwise; compiling is a script
  }
  if (!kEmbeddings.has(name)) return env
  const home = homeOf(python)
  return {
    ...env,
    PATH: pathWith(home),
    PKG_CONFIG_PATH: home.pkgConfig,
    LDFLAGS: `-Wl,-rpath,${home.lib}`,
    npm_config_build_from_source: 'true', // a prebuilt one brings a Python of its own
  }
}

/** The line of npm's output that says what went wrong, as far as one can be found. */
const reasonIn = (output: string): string =>
  /^.*(?:error:|ENOTFOUND|E4\d\d|EAI_AGAIN).*$/m.exec(output)?.[0] ?? output

/** Tried anew by each run that needs it, until it succeeds. */
function install(name: string, place: Place): void {
  if (!manifests[name]) throw new Error(`no rival is in a package named '${name}'`)
  const folder = folderOf(name, place)
  const done = join(folder, 'installed.json')
  const compiledFor = kEmbeddings.has(name) ? place.python : ''
  const stamp = `${manifestOf(name)}\n${process.version} ${compiledFor}`
  if (existsSync(done) && readFileSync(done, 'utf8') === stamp) return
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), manifestOf(name))
  process.stderr.write(`installing ${name}\n`)
  const args = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error']
  const { status, stdout, stderr, error } = spawnSync('npm', args, {
    cwd: folder,
    env: environment(name, place),
    encoding: 'utf8',
    timeout: kLimitMs,
    maxBuffer: 2 ** 26,
  })
  if (status === 0) {
    writeFileSync(done, stamp)
    return
  }
  const reason = reasonIn(error?.message ?? `${stdout}${stderr}`).trim()
  writeFileSync(failureOf(name, place), `npm install ${name} failed: ${reason}`)
}

/** Installs the packages that are not there yet. One that cannot be installed says so when it is loaded. */
export function installRivals(names: Iterable<string>, place = benchPlace): void {
  for (const name of new Set(names)) if (!isBeside(name)) install(name, place)
}

/** Whether it is there, or has been tried: then it says itself what went wrong. */
export const isInstalled = (name: string): boolean =>
  isBeside(name) ||
  existsSync(join(folderOf(name, benchPlace), 'installed.json')) ||
  existsSync(failureOf(name, benchPlace))

/** The version that a contender would load; undefined when there is none. */
export function versionOf(name: string): string | undefined {
  const folders = isBeside(name)
    ? (beside.resolve.paths(name) ?? [])
    : [join(folderOf(name, benchPlace), 'node_modules')]
  const found = folders.map(folder => join(folder, name, 'package.json')).find(existsSync)
  if (found === undefined) return undefined
  return (JSON.parse(readFileSync(found, 'utf8')) as { version?: string }).version
}

/** The package's exports. */
export function rivalPackage(name: string): unknown {
  if (isBeside(name)) return beside(name)
  const failure = failureOf(name, benchPlace)
  if (existsSync(failure)) throw new UnavailableError(readFileSync(failure, 'utf8'))
  return createRequire(join(folderOf(name, benchPlace), 'package.json'))(name)
}

/** A package with Python inside. Python's path is set beforehand, so that it finds our functions and numpy. */
export function embeddedPackage(name: string): unknown {
  const home = homeOf(benchPython())
  process.env.PATH = pathWith(home)
  process.env.PYTHONPATH = [home.packages, source('contenders')].join(delimiter)
  return rivalPackage(name)
}

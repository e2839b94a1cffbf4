// Compiles the floors, each .cc file here a program or an addon of its own, when a source is newer than what was
// built. One that cannot be compiled says why when it is started.
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { UnavailableError } from '../contender.js'
import { cacheRoot, source } from '../paths.js'

/** Compiled for this Node: the addon uses its libuv. */
const folder = join(cacheRoot, 'floor', process.version)

const kFlags = ['-std=c++20', '-O2', '-Wall', '-Wextra', '-Werror', '-fno-exceptions', '-pthread']
const addons: ReadonlySet<string> = new Set(['node_loop'])

const outputOf = (name: string): string => join(folder, addons.has(name) ? `${name}.node` : name)
const failureOf = (name: string): string => join(folder, `${name}.failure`)

/** What the program or addon was compiled to. */
export function built(name: string): string {
  const failure = failureOf(name)
  if (existsSync(failure)) throw new UnavailableError(readFileSync(failure, 'utf8'))
  return outputOf(name)
}

function isFresh(name: string): boolean {
  if (!existsSync(outputOf(name))) return false
  const { mtimeMs } = statSync(outputOf(name))
  return readdirSync(source('floor'))
    .filter(file => file === `${name}.cc` || file.endsWith('.h'))
    .every(file => statSync(source('floor', file)).mtimeMs <= mtimeMs)
}

/** Node's headers: where Node is installed, or where node-gyp has put them. */
function headers(): string {
  const { version } = process
  const places = [
    join(dirname(dirname(process.execPath)), 'include', 'node'),
    join(homedir(), '.cache', 'node-gyp', version.slice(1), 'include', 'node'),
  ]
  const found = places.find(place => existsSync(join(place, 'uv.h')))
  if (found === undefined) throw new Error(`no headers of Node in ${places.join(' or ')}`)
  return found
}

function compile(name: string): void {
  const compiler = process.env.CXX || 'c++'
  const output = outputOf(name)
  const unfinished = `${output}.${process.pid}`
  const more = addons.has(name) ? ['-shared', '-fPIC', `-I${headers()}`] : []
  const args = [...kFlags, ...more, source('floor', `${name}.cc`), '-o', unfinished]
  const { status, stderr, error } = spawnSync(compiler, args, { encoding: 'utf8' })
  if (error) throw new Error(`no C++ compiler: ${error.message}`)
  if (status !== 0) {
    const line = /^.*error:.*$/m.exec(stderr)?.[0] ?? stderr.trim()
    throw new Error(`${compiler} could not compile ${name}.cc: ${line}`)
  }
  renameSync(unfinished, output)
}

export function buildFloors(): void {
  mkdirSync(folder, { recursive: true })
  for (const file of readdirSync(source('floor'))) {
    const name = basename(file, '.cc')
    if (!file.endsWith('.cc') || isFresh(name)) continue
    rmSync(failureOf(name), { force: true })
    process.stderr.write(`compiling floor/${file}\n`)
    try {
      compile(name)
    } catch (error) {
      writeFileSync(failureOf(name), error instanceof Error ? error.message : String(error))
    }
  }
}

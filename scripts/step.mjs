// A build step: runs when its inputs changed, says so in one line, and shows output only on failure.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')
const stamps = join(root, '.cache/stamps')

/** Every file below `folder` (relative to the repository) whose path matches; folders of outputs are left out. */
export function filesUnder(folder, matches = () => true) {
  const start = join(root, folder)
  if (!existsSync(start)) return []
  const found = []
  const walk = path => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (['__pycache__', 'node_modules', 'build', 'generated', 'results'].includes(entry.name))
        continue
      const full = join(path, entry.name)
      if (entry.isDirectory()) walk(full)
      else if (entry.isFile() && matches(full)) found.push(relative(root, full))
    }
  }
  walk(start)
  return found.sort()
}

/** A hash of the contents of files and of any further strings. */
export function hashOf(files, ...facts) {
  const hash = createHash('sha256')
  for (const file of files) {
    const path = join(root, file)
    hash.update(`${file}\0`).update(existsSync(path) ? readFileSync(path) : 'absent')
  }
  return hash.update(facts.join('\0')).digest('hex')
}

/** Runs a command; resolves with its output, rejects with the output in the message. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...options })
    let output = ''
    child.stdout.on('data', data => (output += data))
    child.stderr.on('data', data => (output += data))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output)
      else reject(new Error(`${command} ${args.join(' ')} ended with ${signal ?? code}\n${output}`))
    })
  })
}

/** Runs a command with our terminal; resolves with its exit code. A SIGTERM that we get ends it, and then us. */
export function runInherited(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options })
    const passOn = () => child.kill('SIGTERM')
    process.on('SIGTERM', passOn)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      process.off('SIGTERM', passOn)
      resolve(signal ? 1 : code)
    })
  })
}

/**
 * Does `work` unless `stamp` is what the last success left and every output exists.
 * The stamp is a function because earlier work may create what it reads; it is taken before and after the work.
 */
export async function step({ name, stamp, outputs = [], stampFile = join(stamps, name), work }) {
  const before = stamp()
  const done =
    existsSync(stampFile) &&
    readFileSync(stampFile, 'utf8') === before &&
    outputs.every(output => existsSync(join(root, output)))
  if (done) return false
  const started = process.hrtime.bigint()
  try {
    rmSync(stampFile, { force: true })
    await work()
    mkdirSync(join(stampFile, '..'), { recursive: true })
    writeFileSync(stampFile, before)
  } catch (error) {
    throw new StepError(`${name} failed\n${error.message}`)
  }
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  console.log(`  ${name.padEnd(12)} ${seconds.toFixed(1)} s`)
  return true
}

export class StepError extends Error {}

/** Runs `body` and turns a failed step into a plain message and exit code 1. */
export async function main(body) {
  try {
    process.exitCode = (await body()) ?? 0
  } catch (error) {
    console.error(error instanceof StepError ? `\n${error.message}` : error)
    process.exitCode = 1
  }
}

// In the package: what rivals need of PyPI, in a folder of the user's cache, apart from the user's own Python.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { cacheRoot, python, source } from './paths.js'

const kVersion = 'import sys; print("%d.%d" % sys.version_info[:2])'
const kLimitMs = 300_000

/** One for each version of Python: what is compiled for one does not run in another. */
function folder(): string {
  const version = execFileSync(python(), ['-c', kVersion], { encoding: 'utf8' }).trim()
  return join(cacheRoot, `python-${version}`)
}

/** Every Python that is started from now on finds them, after what it has itself. */
export function usePythonPackages(): void {
  const { PYTHONPATH } = process.env
  process.env.PYTHONPATH = [PYTHONPATH, folder()].filter(Boolean).join(delimiter)
}

/** Says what it does, and why it could not. */
export function installPythonPackages(): void {
  const into = folder()
  const requirements = source('requirements.txt')
  const wanted = readFileSync(requirements, 'utf8')
  const done = join(into, 'installed.txt')
  if (existsSync(done) && readFileSync(done, 'utf8') === wanted) return
  process.stderr.write(`installing Python packages into ${into}\n`)
  rmSync(into, { recursive: true, force: true })
  mkdirSync(into, { recursive: true })
  const flags = ['--quiet', '--disable-pip-version-check', '--no-input', '--target', into]
  const args = ['-m', 'pip', 'install', ...flags, '-r', requirements]
  const { status, stderr, error } = spawnSync(python(), args, {
    encoding: 'utf8',
    timeout: kLimitMs,
  })
  if (status === 0) {
    writeFileSync(done, wanted)
    return
  }
  const reason = error?.message ?? /^ERROR:.*$/m.exec(stderr)?.[0] ?? stderr.trim()
  process.stderr.write(`pip could not install them: ${reason}\n`)
}

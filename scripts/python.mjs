// Finds an interpreter that can make .venv and build the extension, or says what is missing where.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root, StepError } from './step.mjs'

export const venvPython = join(root, '.venv/bin/python')

const probe = `
import json, os, sys, sysconfig
missing = []
for module in ("venv", "ensurepip"):
    try:
        __import__(module)
    except ImportError:
        missing.append(module)
if not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")):
    missing.append("Python.h")
print(json.dumps({
    "path": sys.executable,
    "version": list(sys.version_info[:3]),
    "implementation": sys.implementation.name,
    "gil": not sysconfig.get_config_var("Py_GIL_DISABLED"),
    "missing": missing,
}))`

/** What an interpreter is, or undefined when it cannot be started. */
export function inspect(command) {
  try {
    const options = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 20_000 }
    return JSON.parse(execFileSync(command, ['-I', '-c', probe], options))
  } catch {
    return undefined
  }
}

/** Why an interpreter will not do; undefined when it will. */
export function reasonAgainst(python) {
  const [major, minor] = python.version
  const version = python.version.join('.')
  if (python.implementation !== 'cpython') return `is ${python.implementation}, not CPython`
  if (major !== 3 || minor < 11) return `is Python ${version}, and 3.11 or later is needed`
  if (!python.gil) return `is a free-threaded build, which is not supported yet`
  if (python.missing.length === 0) return undefined
  const packages = python.missing.map(name => (name === 'Python.h' ? 'dev' : 'venv'))
  const debian = [...new Set(packages)].map(kind => `python${major}.${minor}-${kind}`).join(' ')
  return `is Python ${version} but lacks ${python.missing.join(', ')} (on Debian or Ubuntu: apt-get install ${debian})`
}

export function findPython() {
  const wanted = process.env.ISTHMUS_PYTHON
  const candidates = wanted
    ? [wanted]
    : ['python3.13', 'python3.12', 'python3.11', 'python3.14', 'python3', 'python']
  const tried = []
  for (const command of candidates) {
    const python = inspect(command)
    const reason = python ? reasonAgainst(python) : 'is not there or does not start'
    if (!reason) return python.path
    tried.push(`  ${command} ${reason}`)
  }
  throw new StepError(
    `No Python was found that can build Isthmus. Tried:\n${tried.join('\n')}\n` +
      'Install Python 3.11 or later with its headers, or set ISTHMUS_PYTHON to one.',
  )
}

export const venvExists = () => existsSync(venvPython)

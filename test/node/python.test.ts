import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { PythonNotFoundError } from '#src/errors.js'
import { findPython } from '#src/python.js'

/** A folder with the given files, all executable; outside of the repository, which has a .venv. */
function tree(t: { teardown(clean: () => void): void }, ...files: string[]): string {
  const root = mkdtempSync(join(realpathSync(tmpdir()), 'isthmus-python-'))
  t.teardown(() => rmSync(root, { recursive: true }))
  for (const file of files) {
    const path = join(root, file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, '#!/bin/sh\n')
    chmodSync(path, 0o755)
  }
  return root
}

const reason = (search: Parameters<typeof findPython>[0]): PythonNotFoundError => {
  try {
    findPython(search)
  } catch (error) {
    if (error instanceof PythonNotFoundError) return error
    throw error
  }
  throw new Error('an interpreter was found')
}

t.test('the rules in their order: the first that has an interpreter wins', async t => {
  const root = tree(
    t,
    'given/python3',
    'named/python3',
    'active/bin/python',
    'conda/bin/python',
    'project/.venv/bin/python',
    'project/venv/bin/python',
    'path/python3',
    'path/python',
  )
  const folder = join(root, 'project/src/deep')
  mkdirSync(folder, { recursive: true })
  const env: NodeJS.ProcessEnv = {
    ISTHMUS_PYTHON: join(root, 'named/python3'),
    VIRTUAL_ENV: join(root, 'active'),
    CONDA_PREFIX: join(root, 'conda'),
    CONDA_DEFAULT_ENV: 'torch',
    PATH: `${join(root, 'nothing')}:${join(root, 'path')}`,
  }
  const found = (python?: string) => {
    const { executable, source } = findPython({ python, folder, cwd: root, env })
    return [source, executable.slice(root.length + 1)]
  }
  t.strictSame(found('given/python3'), ['option python', 'given/python3'])
  t.strictSame(found('python3'), ['option python', 'path/python3'])
  t.strictSame(found(), ['ISTHMUS_PYTHON', 'named/python3'])
  delete env.ISTHMUS_PYTHON
  t.strictSame(found(), ['VIRTUAL_ENV', 'active/bin/python'])
  delete env.VIRTUAL_ENV
  t.strictSame(found(), ['CONDA_PREFIX', 'conda/bin/python'])
  delete env.CONDA_PREFIX
  t.strictSame(found(), ['.venv', 'project/.venv/bin/python'])
  rmSync(join(root, 'project/.venv'), { recursive: true })
  t.strictSame(found(), ['venv', 'project/venv/bin/python'])
  rmSync(join(root, 'project/venv'), { recursive: true })
  t.strictSame(found(), ['PATH', 'path/python3'])
  rmSync(join(root, 'path/python3'))
  t.strictSame(found(), ['PATH', 'path/python'])
})

t.test("conda's base environment does not hide the project's own", async t => {
  const root = tree(t, 'conda/bin/python', 'project/.venv/bin/python')
  const env = { CONDA_PREFIX: join(root, 'conda'), CONDA_DEFAULT_ENV: 'base' }
  const { source, tried } = findPython({ folder: join(root, 'project'), env })
  t.equal(source, '.venv')
  t.match(tried, [{ rule: 'CONDA_PREFIX', problem: /base environment/ }])
})

t.test('what the user names is refused, never passed over', async t => {
  const root = tree(t, 'path/python3', 'project/.venv/bin/python')
  const folder = join(root, 'project')
  const env = { PATH: join(root, 'path') }
  const missing = reason({ python: './no/python', folder, cwd: root, env })
  t.match(missing, { code: 'ERR_PYTHON_NOT_FOUND' })
  t.match(missing.tried, [
    { rule: 'option python', path: join(root, 'no/python'), problem: 'does not exist' },
  ])
  t.match(missing.message, /correct option python/)
  t.match(reason({ python: 'python9', folder, env }).message, /in none of the 1 folders of PATH/)
  t.match(
    reason({ folder, env: { ...env, ISTHMUS_PYTHON: '/no/python' } }).message,
    /ISTHMUS_PYTHON: \/no\/python does not exist/,
  )
})

t.test('every place is listed with the reason why it was not taken', async t => {
  const root = tree(t, 'project/venv/bin/python', 'folder/bin/python/file')
  chmodSync(join(root, 'project/venv/bin/python'), 0o644)
  mkdirSync(join(root, 'project/.venv/bin'), { recursive: true })
  symlinkSync(join(root, 'gone'), join(root, 'project/.venv/bin/python'))
  const env = { VIRTUAL_ENV: join(root, 'folder'), PATH: '' }
  const { tried, message } = reason({ folder: join(root, 'project'), env })
  t.match(tried.slice(0, 3), [
    { rule: 'VIRTUAL_ENV', problem: 'is not a file' },
    { rule: '.venv', problem: /link to a Python that is gone/ },
    { rule: 'venv', problem: 'is not executable' },
  ])
  for (const { path } of tried) t.ok(message.includes(path), path)
  t.match(message, /python3 -m venv/)
})

t.test('a link is not followed: its place is how Python knows its environment', async t => {
  const root = tree(t, 'system/python3')
  mkdirSync(join(root, '.venv/bin'), { recursive: true })
  symlinkSync(join(root, 'system/python3'), join(root, '.venv/bin/python'))
  t.equal(findPython({ folder: root, env: {} }).executable, join(root, '.venv/bin/python'))
})

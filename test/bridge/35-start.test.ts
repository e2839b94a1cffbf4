// Which interpreter is taken, and what is said when it does not do: with real virtual environments.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type MissingPackageError,
  type PythonNotFoundError,
  type PythonTooOldError,
  type SpawnOptions,
  spawn,
} from 'isthmus'
import t from 'tap'
import { python, rejection } from './spawned.js'

const folder = mkdtempSync(join(tmpdir(), 'isthmus-start-'))
t.teardown(() => rmSync(folder, { recursive: true }))

/** Nothing of this shell's that would choose an interpreter. */
const neutral = {
  ISTHMUS_PYTHON: undefined,
  VIRTUAL_ENV: undefined,
  CONDA_PREFIX: undefined,
  PYTHONPATH: undefined,
}
const quiet = { stdout: 'events', stderr: 'events' } as const
const options = (more: SpawnOptions = {}): SpawnOptions => ({
  ...quiet,
  ...more,
  env: { ...neutral, ...more.env },
})

const write = (path: string, text: string) => {
  const full = join(folder, path)
  mkdirSync(join(full, '..'), { recursive: true })
  writeFileSync(full, text)
  return full
}
/** Links the packages of the good environment into another one. */
function venv(path: string, { packages }: { packages: boolean }): string {
  const full = join(folder, path)
  execFileSync(python, ['-m', 'venv', '--without-pip', full])
  const place = (of: string) =>
    execFileSync(of, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'])
      .toString()
      .trim()
  const executable = join(full, 'bin/python')
  if (packages) writeFileSync(join(place(executable), 'packages.pth'), `${place(python)}\n`)
  return executable
}

const script = write(
  'project/deep/model.py',
  'import sys\ndef prefix():\n    return sys.prefix\ndef executable():\n    return sys.executable\n',
)

async function prefixOf(more: SpawnOptions = {}): Promise<string> {
  await using py = await spawn(script, options(more))
  return (await py.call('prefix')) as string
}

t.test('an empty environment: the error names both packages and the command', async t => {
  const empty = venv('empty', { packages: false })
  const error = await rejection<MissingPackageError>(spawn(script, options({ python: empty })))
  t.match(error, {
    name: 'MissingPackageError',
    code: 'ERR_MISSING_PACKAGE',
    missing: ['numpy', 'msgspec'],
    command: `${empty} -m pip install numpy msgspec`,
  })
  t.match(error.message, 'has no numpy and no msgspec')
  t.match(error.message, error.command)
})

t.test('only what is missing is named', async t => {
  const half = venv('half', { packages: false })
  const site = join(folder, 'half/lib', readdirSync(join(folder, 'half/lib'))[0]!, 'site-packages')
  writeFileSync(join(site, 'msgspec.py'), 'msgpack = None\n')
  const error = await rejection<MissingPackageError>(spawn(script, options({ python: half })))
  t.strictSame(error.missing, ['numpy'])
})

t.test('the order: option, ISTHMUS_PYTHON, active environment, .venv upwards, PATH', async t => {
  const byOption = venv('by option', { packages: true })
  const byVariable = venv('by-variable', { packages: true })
  venv('active', { packages: true })
  venv('project/.venv', { packages: true })
  const all = {
    ISTHMUS_PYTHON: byVariable,
    VIRTUAL_ENV: join(folder, 'active'),
    PATH: `${join(folder, 'active/bin')}:${process.env.PATH}`,
  }
  t.equal(await prefixOf({ python: byOption, env: all }), join(folder, 'by option'))
  t.equal(await prefixOf({ env: all }), join(folder, 'by-variable'))
  t.equal(await prefixOf({ env: { ...all, ISTHMUS_PYTHON: undefined } }), join(folder, 'active'))
  t.equal(await prefixOf(), join(folder, 'project/.venv'), 'found upwards from the script')
  venv('project/deep/venv', { packages: true })
  t.equal(await prefixOf(), join(folder, 'project/deep/venv'), 'the nearest one')
  rmSync(join(folder, 'project/deep/venv'), { recursive: true })
  rmSync(join(folder, 'project/.venv'), { recursive: true })
  t.equal(
    await prefixOf({ env: { PATH: join(folder, 'by-variable/bin') } }),
    join(folder, 'by-variable'),
  )
  t.equal(
    await prefixOf({ python: 'python3', env: { PATH: join(folder, 'by-variable/bin') } }),
    join(folder, 'by-variable'),
    'a name is looked up on PATH',
  )
})

t.test('what the user names is taken or refused, never passed over', async t => {
  for (const [more, rule] of [
    [{ python: '/no/such/python' }, 'option python'],
    [{ python: 'no-such-python' }, 'option python'],
    [{ env: { ISTHMUS_PYTHON: '/no/such/python' } }, 'ISTHMUS_PYTHON'],
  ] as const) {
    const error = await rejection<PythonNotFoundError>(spawn(script, options(more)))
    t.match(error, { name: 'PythonNotFoundError', code: 'ERR_PYTHON_NOT_FOUND' })
    t.strictSame(
      error.tried.map(attempt => attempt.rule),
      [rule],
    )
  }
})

t.test('no interpreter at all: everything that was tried is listed', async t => {
  mkdirSync(join(folder, 'project/.venv'))
  const error = await rejection<PythonNotFoundError>(
    spawn(script, options({ env: { PATH: join(folder, 'project'), VIRTUAL_ENV: '/gone' } })),
  )
  rmSync(join(folder, 'project/.venv'), { recursive: true })
  t.equal(error.code, 'ERR_PYTHON_NOT_FOUND')
  for (const rule of ['VIRTUAL_ENV', '.venv', 'PATH'])
    t.ok(
      error.tried.some(attempt => attempt.rule.includes(rule)),
      rule,
    )
  t.match(error.message, '/gone/bin/python does not exist')
  t.match(error.message, 'To fix it:')
})

const old = ['3.10', '3.9', '3.8', '3.7', '3.6']
  .flatMap(version => {
    const versions = join(homedir(), '.pyenv/versions')
    const found = existsSync(versions) ? readdirSync(versions) : []
    const names = found.filter(name => name.startsWith(`${version}.`))
    return [`/usr/bin/python${version}`, ...names.map(name => join(versions, name, 'bin/python3'))]
  })
  .filter(path => existsSync(path))

t.test(
  'a Python that is too old says which it is, and what is needed',
  { skip: old.length === 0 && 'this machine has no Python from 3.6 to 3.10' },
  async t => {
    for (const path of old) {
      const error = await rejection<PythonTooOldError>(spawn(script, options({ python: path })))
      t.match(
        error,
        { name: 'PythonTooOldError', code: 'ERR_PYTHON_TOO_OLD', needed: '3.11' },
        path,
      )
      t.match(error.found, /^3\.\d+\.\d+$/)
      t.match(error.message, error.found)
    }
  },
)

t.test('what is no Python, or cannot be started, is an error and not a hang', async t => {
  const notPython = write('not-python', '#!/bin/sh\necho "I am no Python" >&2\nexit 3\n')
  chmodSync(notPython, 0o755)
  const error = await rejection(spawn(script, options({ python: notPython })))
  t.match(error, { code: 'ERR_WORKER_EXITED', exitCode: 3, stderr: ['I am no Python'] })
  const noProgram = write('no-program', 'neither script nor binary')
  chmodSync(noProgram, 0o755)
  t.match(await rejection(spawn(script, options({ python: noProgram }))), {
    code: /^ERR_(PYTHON_NOT_FOUND|WORKER_EXITED)$/,
  })
  const notExecutable = write('plain', '#!/bin/sh\n')
  chmodSync(notExecutable, 0o644)
  t.match(await rejection(spawn(script, options({ python: notExecutable }))), {
    code: 'ERR_PYTHON_NOT_FOUND',
    message: /is not executable/,
  })
  t.match(await rejection(spawn(script, options({ python: folder }))), {
    code: 'ERR_PYTHON_NOT_FOUND',
    message: /is not a file/,
  })
  t.match(await rejection(spawn(script, options({ python, cwd: '/no/such/folder' }))), {
    code: /^ERR_/,
  })
})

t.test('startTimeout ends a start that takes too long, and the process with it', async t => {
  const pidFile = join(folder, 'pid')
  const slow = write(
    'slow.py',
    `import os, sys, time\nprint('importing', file=sys.stderr)\nopen(${JSON.stringify(pidFile)}, 'w').write(str(os.getpid()))\nwhile True: time.sleep(0.01)\n`,
  )
  const error = await rejection(spawn(slow, options({ python, startTimeout: 700 })))
  t.match(error, { name: 'StartTimeoutError', code: 'ERR_START_TIMEOUT', timeout: 700 })
  t.match(error.message, 'was not ready after 700 ms')
  if (existsSync(pidFile)) {
    const pid = Number(execFileSync('cat', [pidFile]).toString())
    t.throws(() => process.kill(pid, 0), { code: 'ESRCH' }, 'the worker is gone')
  }
})

t.test('startTimeout ends an interpreter that never listens', async t => {
  const deaf = write('deaf-python', '#!/bin/sh\nexec sleep 100\n')
  chmodSync(deaf, 0o755)
  const error = await rejection(spawn(script, options({ python: deaf, startTimeout: 100 })))
  t.match(error, { code: 'ERR_START_TIMEOUT' })
})

t.test('a target that cannot be sent leaves no process', async t => {
  const processes = () =>
    readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean)
  const before = processes()
  t.match(await rejection(spawn({ source: '\ud800' }, options({ python }))), { code: 'ERR_VALUE' })
  t.same(processes(), before)
})

t.test('files of the working directory do not hide what the worker imports', async t => {
  for (const name of ['isthmus', 'json', 'socket', 'numpy', 'traceback'])
    write(`trap/${name}.py`, `raise SystemExit("wrong ${name}")\n`)
  const trap = join(folder, 'trap')
  await using py = await spawn(script, options({ python, cwd: trap }))
  t.type(await py.call('executable'), 'string')
  await using other = await spawn(
    script,
    options({ python, env: { PYTHONSAFEPATH: '1' }, cwd: trap }),
  )
  t.type(await other.call('executable'), 'string')
})

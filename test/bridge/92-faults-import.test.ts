// Modules and interpreters that do not come up: they hang, raise, exit, fork, print, or are broken themselves. See also
// 32-ends and 35-start.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type MissingPackageError, type ModuleImportError, type StartError, spawn } from 'isthmus'
import t from 'tap'
import { bridgeFor, call } from '../fixtures/bridges.js'
import { full } from '../fixtures/faults.js'
import { folderFor } from '../fixtures/pools.js'
import { gone, isAlive, mappingsOf } from '../fixtures/processes.js'
import { within } from '../fixtures/watchdog.js'
import { python, rejection } from './spawned.js'

const quiet = { stdout: 'events', stderr: 'events', python } as const
const children = () =>
  readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean)
const segments = () => mappingsOf('self').filter(line => line.includes('memfd:isthmus'))

/** What a start rejects with; no process and no segment is left of it. */
async function failedStart<E extends Error = Error & { code: string }>(
  t: Pick<typeof import('tap').t, 'same'>,
  start: () => Promise<unknown>,
): Promise<E> {
  const before = children()
  const mapped = segments()
  const error = await rejection<E>(within('the start fails', start()))
  t.same(children(), before, 'no process')
  globalThis.gc!()
  await new Promise(resolve => setImmediate(resolve))
  t.same(segments(), mapped, 'no segment')
  return error
}

/** In which also a busy machine begins to import. Milliseconds. */
const startTimeout = 3000
const hangs: readonly (readonly [how: string, source: string])[] = [
  ['in Python', 'while True: pass'],
  ['in C', 'sum(range(10 ** 14))'],
  ['asleep', 'import time\ntime.sleep(1000)'],
  [
    'with SIGTERM and SIGINT ignored',
    'import signal\nfor n in (2, 15, 23): signal.signal(n, signal.SIG_IGN)\nwhile True: pass',
  ],
  [
    'with every signal blocked',
    'import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {9, 19})\nwhile True: pass',
  ],
  ['stopped', 'import os\nos.kill(os.getpid(), 19)'],
  [
    'in a thread that is joined',
    'import threading\nt = threading.Thread(target=threading.Event().wait)\nt.start()\nt.join()',
  ],
]
for (const [how, source] of full ? hangs : hangs.slice(4, 6))
  t.test(`an import that hangs ${how}: startTimeout says so, and the process is gone`, async t => {
    const said = `import sys\nprint('importing', file=sys.stderr, flush=True)\n${source}`
    const error = await failedStart<StartError>(t, () =>
      spawn({ source: said }, { ...quiet, startTimeout }),
    )
    t.match(error, { name: 'StartTimeoutError', code: 'ERR_START_TIMEOUT', timeout: startTimeout })
    t.match(error.message, 'raise `startTimeout`')
    t.match(error.message, 'importing', 'its last words')
  })

for (const [what, source, expected] of [
  [
    'raises',
    'raise ValueError("not today")',
    { code: 'ERR_IMPORT', message: /ValueError: not today/ },
  ],
  [
    'raises what is no Exception',
    'class Odd(BaseException): pass\nraise Odd("odd")',
    { code: 'ERR_IMPORT', message: /Odd: odd/ },
  ],
  ['raises KeyboardInterrupt', 'raise KeyboardInterrupt', { code: 'ERR_WORKER_EXITED' }],
  ['runs out of stack', 'def f(): f()\nf()', { code: 'ERR_IMPORT', message: /RecursionError/ }],
  ['runs out of memory', 'x = " " * 2**62', { code: 'ERR_IMPORT', message: /MemoryError/ }],
  [
    'exits',
    'import sys\nsys.exit("no licence")',
    { code: 'ERR_WORKER_EXITED', exitCode: 1, message: /no licence/ },
  ],
  ['exits with 0', 'import os\nos._exit(0)', { code: 'ERR_WORKER_EXITED', exitCode: 0 }],
  [
    'crashes',
    'import ctypes\nctypes.string_at(0)',
    { code: 'ERR_WORKER_EXITED', signal: 'SIGSEGV', message: /native code/ },
  ],
  [
    'is killed',
    'import os\nos.kill(os.getpid(), 9)',
    { code: 'ERR_WORKER_EXITED', signal: 'SIGKILL', message: /memory ran out/ },
  ],
  [
    'replaces the process',
    'import os\nos.execv("/bin/true", ["true"])',
    { code: 'ERR_WORKER_EXITED', exitCode: 0 },
  ],
] as const)
  t.test(`an import that ${what}: a typed error, and nothing is left`, async t => {
    t.match(await failedStart(t, () => spawn({ source }, quiet)), expected)
  })

t.test('an import that forks: the parent serves, the child cannot answer for it', async t => {
  const source = `
import os, sys, time
child = os.fork()
if child == 0:
    time.sleep(100)
def child_pid():
    return child
`
  const py = await bridgeFor(t, { source })
  const child = (await call(py, 'child_pid')) as number
  t.teardown(() => process.kill(child, 'SIGKILL'))
  t.ok(child > 0)
  await within('close', py.close())
  t.ok(isAlive(child), 'it is not ours to end')
})

t.test('an import whose child goes on as if it were the worker: that one ends', async t => {
  const py = await bridgeFor(t, {
    source: 'import os\nchild = os.fork()\ndef child_pid():\n    return child\n',
  })
  const child = (await call(py, 'child_pid')) as number
  t.ok(child > 0, "the answer is the parent's")
  await gone(child)
  t.equal(await call(py, 'child_pid'), child)
})

t.test('an import that prints megabytes to both streams neither blocks nor fills Node', async t => {
  const source = `
import sys
for at in range(20_000):
    print('o' * 99)
    print('e' * 99, file=sys.stderr)
sys.stdout.write('no end of line ' * 100_000)
def ready():
    return True
`
  let lines = 0
  const py = await bridgeFor(t, { source })
  py.on('stdout', () => lines++)
  t.equal(await call(py, 'ready'), true)
  const before = process.memoryUsage().rss
  const raising = `${source}raise ValueError('after all that')\n`
  const error = await failedStart<ModuleImportError>(t, () => spawn({ source: raising }, quiet))
  t.match(error, { code: 'ERR_IMPORT' })
  t.ok(error.message.length < 10_000, 'not all of it is in the message')
  t.ok(process.memoryUsage().rss - before < 200 * 2 ** 20)
})

/** An environment whose packages are those of the tests, but for what is written over them. */
function environment(folder: string, broken: Record<string, string>): string {
  execFileSync(python, ['-m', 'venv', '--without-pip', folder])
  const purelib = 'import sysconfig; print(sysconfig.get_path("purelib"))'
  const executable = join(folder, 'bin/python')
  const site = (of: string) => execFileSync(of, ['-c', purelib]).toString().trim()
  for (const [name, text] of Object.entries(broken)) {
    const path = join(site(executable), name)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, text)
  }
  writeFileSync(join(site(executable), 'packages.pth'), `${site(python)}\n`)
  return executable
}

for (const [what, files, expected] of [
  [
    'numpy raises ImportError',
    { 'numpy/__init__.py': 'raise ImportError("numpy is built for another Python")\n' },
    { code: 'ERR_MISSING_PACKAGE', missing: ['numpy'] },
  ],
  [
    'numpy raises something else',
    { 'numpy/__init__.py': 'raise AttributeError("half an installation")\n' },
    { code: 'ERR_MISSING_PACKAGE', missing: ['numpy'] },
  ],
  [
    'msgspec is half an installation',
    { 'msgspec/__init__.py': 'from ._core import Struct\n' },
    { code: 'ERR_MISSING_PACKAGE', missing: ['msgspec'] },
  ],
  [
    'numpy is a folder of that name',
    { 'numpy/readme.txt': 'nothing\n', 'numpy/__init__.py': '' },
    { code: 'ERR_MISSING_PACKAGE', missing: ['numpy'] },
  ],
  [
    'msgspec is an empty file',
    { 'msgspec.py': '' },
    { code: 'ERR_MISSING_PACKAGE', missing: ['msgspec'] },
  ],
  [
    'numpy exits',
    { 'numpy/__init__.py': 'import sys\nsys.exit("no numpy on Sundays")\n' },
    { code: 'ERR_WORKER_EXITED', exitCode: 1, message: /no numpy on Sundays/ },
  ],
  [
    'numpy crashes',
    { 'numpy/__init__.py': 'import os\nos.abort()\n' },
    { code: 'ERR_WORKER_EXITED', signal: 'SIGABRT' },
  ],
] as const)
  t.test(`${what}: the error names the package or what it said, and how to fix it`, async t => {
    const executable = environment(join(folderFor(t), 'venv'), files)
    const error = await failedStart<MissingPackageError>(t, () =>
      spawn({ source: '' }, { ...quiet, python: executable }),
    )
    t.match(error, expected)
    if (expected.code === 'ERR_MISSING_PACKAGE') {
      t.match(error.message, `${executable} -m pip install`)
      t.match(error.message, expected.missing[0])
    }
  })

t.test('an interpreter that is too old, as it says: both versions, and what to do', async t => {
  // The worker's program with another sys.version_info: what Python 3.6 to 3.10 would do (35-start has real ones).
  const folder = folderFor(t)
  const old = join(folder, 'python3.8')
  writeFileSync(
    old,
    `#!/bin/sh\nprogram="$1"; shift\nexec ${JSON.stringify(python)} -c '
import sys, collections
Version = collections.namedtuple("version_info", "major minor micro releaselevel serial")
program = sys.argv[1]
sys.path.insert(0, program.rsplit("/isthmus/", 1)[0])
import os
fd = int(sys.argv[sys.argv.index("--fd") + 1])
os.set_inheritable(fd, False)
import isthmus
from isthmus import preflight
sys.version_info = Version(3, 8, 19, "final", 0)
preflight.check(fd)
' "$program" "$@"\n`,
  )
  chmodSync(old, 0o755)
  const error = await failedStart(t, () => spawn({ source: '' }, { ...quiet, python: old }))
  t.match(error, { code: 'ERR_PYTHON_TOO_OLD', found: '3.8.19', needed: '3.11' })
  t.match(error.message, 'make an environment with a newer one')
})

t.test('an interpreter that says nothing and closes the socket: a typed error', async t => {
  const silent = join(folderFor(t), 'python')
  writeFileSync(silent, '#!/bin/sh\nexec 3>&-\nexec sleep 100\n')
  chmodSync(silent, 0o755)
  const error = await failedStart(t, () =>
    spawn({ source: '' }, { ...quiet, python: silent, startTimeout: 3000 }),
  )
  t.match(error, { code: /^ERR_(START_TIMEOUT|WORKER_EXITED)$/ })
})

t.test('the socket is given to a program that only sends rubbish: a typed error', async t => {
  const rubbish = join(folderFor(t), 'python')
  writeFileSync(rubbish, '#!/bin/sh\nhead -c 100 /dev/urandom >&3\nexit 7\n')
  chmodSync(rubbish, 0o755)
  const error = await failedStart(t, () => spawn({ source: '' }, { ...quiet, python: rubbish }))
  t.match(error, { code: 'ERR_WORKER_EXITED', exitCode: 7 })
})

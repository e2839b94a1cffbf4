// Ends that a program causes itself: closing, exits of the worker, and modules that do not come up.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kwargs, type ModuleImportError, spawn, type Tensor, type WorkerExitedError } from 'isthmus'
import t from 'tap'
import { exitOf, isAlive, python, rejection, spawned } from './spawned.js'

t.test('call after close rejects with ERR_CLOSED; closing twice is fine', async t => {
  const py = await spawned(t, 'failing.py')
  const { pid } = py
  const tensor = py.tensor('float32', [2])
  tensor.data.set([1, 2])
  await Promise.all([py.close(), py.close()])
  t.equal(isAlive(pid), false)
  t.equal(py.closed, true)
  await py.close()
  await py[Symbol.asyncDispose]()
  const closed = { name: 'ClosedError', code: 'ERR_CLOSED' }
  t.match(await rejection(py.call('fine')), closed)
  t.match(await rejection(py.fn.fine!()), closed)
  t.match(await rejection(py.with({ timeout: 5 }).call('fine')), closed)
  t.throws(() => py.tensor('float32', [1]), closed)
  t.throws(() => py.tensor.from([1]), closed)
  t.strictSame([...tensor.data], [1, 2], 'tensors stay readable')
  t.ok(py.stats().calls >= 0, 'stats too')
})

t.test('calls that are pending when the bridge is closed reject with ERR_CLOSED', async t => {
  const py = await spawned(t, 'waiting.py')
  const pending = [py.call('forever'), py.call('echo', 1), py.call('echo', new Float32Array(9))]
  const outcomes = Promise.allSettled(pending)
  await py.close()
  for (const outcome of await outcomes)
    t.match(outcome, { status: 'rejected', reason: { code: 'ERR_CLOSED' } })
})

t.test('arguments that close the bridge while they are read: the call rejects', async t => {
  const py = await spawned(t, 'waiting.py')
  const argument = {
    get value() {
      void py.close()
      return 1
    },
  }
  t.match(await rejection(py.call('echo', argument)), { code: 'ERR_CLOSED' })
  await py.close()
})

t.test('await using closes the bridge', async t => {
  let pid: number
  {
    await using py = await spawn({ source: 'def f(): return 1' })
    pid = py.pid
    t.equal(await py.call('f'), 1)
  }
  t.equal(isAlive(pid), false)
})

t.test('sys.exit in a call ends the worker: WorkerExitedError with its code', async t => {
  for (const [code, expected] of [
    [0, 0],
    [7, 7],
    [null, 0],
    ['words', 1],
  ]) {
    const py = await spawned(t, 'failing.py', { stderr: 'events' })
    const ended = exitOf(py)
    const calls = [py.call('exit', code), py.call('fine'), py.call('fine')]
    for (const call of calls) {
      const error = await rejection<WorkerExitedError>(call)
      t.match(error, {
        name: 'WorkerExitedError',
        code: 'ERR_WORKER_EXITED',
        exitCode: expected,
        signal: null,
      })
      if (code === 'words') t.match(error.stderr, ['words'])
    }
    t.strictSame(await ended, { code: expected, signal: null })
    t.equal((await rejection(py.call('fine'))).code, 'ERR_WORKER_EXITED', 'and every later call')
    t.throws(() => py.tensor('int8', [1]), { code: 'ERR_CLOSED' })
    t.equal(py.closed, true)
  }
})

t.test('a worker that exits or is killed: code, signal, and its last words on stderr', async t => {
  const py = await spawned(t, 'failing.py', { stderr: 'events' })
  const error = await rejection<WorkerExitedError>(py.call('last_words', 'it is over'))
  t.match(error, { exitCode: 3, signal: null, stderr: ['it is over'] })
  t.match(error.message, /exited with code 3/)
  t.match(error.message, /it is over/)
  for (const [number, signal] of [
    [9, 'SIGKILL'],
    [15, 'SIGTERM'],
    [11, 'SIGSEGV'],
    [6, 'SIGABRT'],
  ] as const) {
    const other = await spawned(t, 'failing.py', { stderr: 'events' })
    const error = await rejection(other.call('signalled', number))
    t.match(error, { code: 'ERR_WORKER_EXITED', exitCode: null, signal }, signal)
  }
})

t.test('what was delivered before the worker died stays readable', async t => {
  const py = await spawned(t, 'arrays.py')
  const result = (await py.call('ones', 100_000)) as Tensor<'float32'>
  const ended = exitOf(py)
  process.kill(py.pid, 'SIGKILL')
  t.strictSame(await ended, { code: null, signal: 'SIGKILL' })
  t.equal(result.at(99_999), 1)
  t.equal(result.data[5], 1)
  result.dispose()
  t.equal(py.stats().borrowedBlocks, 0)
})

t.test('a module that raises at import rejects spawn() with the traceback', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-'))
  const write = (name: string, text: string) => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }
  const options = { stderr: 'events', python } as const
  const raising = write('raising.py', 'x = 1\ndef f():\n    return 1 / 0\nf()\n')
  const error = await rejection<ModuleImportError>(spawn(raising, options))
  t.match(error, { name: 'ModuleImportError', code: 'ERR_IMPORT', module: raising })
  t.match(error.message, /ZeroDivisionError: division by zero/)
  t.match(error.traceback, /raising\.py", line 4/)
  t.match(error.traceback, /raising\.py", line 3, in f/)
  t.notMatch(error.traceback, /isthmus\/(worker|target)\.py/)

  const broken = write('broken.py', 'def f(:\n')
  t.match(await rejection(spawn(broken, options)), { code: 'ERR_IMPORT', message: /SyntaxError/ })
  const nested = write('nested.py', 'import raising\n')
  t.match(await rejection<ModuleImportError>(spawn(nested, options)), {
    code: 'ERR_IMPORT',
    traceback: /nested\.py", line 1[\s\S]*raising\.py", line 4/,
  })
  const needs = write('needs.py', 'import not_installed_anywhere\n')
  t.match(await rejection(spawn(needs, options)), {
    code: 'ERR_IMPORT',
    message: /ModuleNotFoundError: No module named 'not_installed_anywhere'/,
  })
})

t.test(
  'a module that is not installed, source that does not compile, a module that exits',
  async t => {
    const options = { stderr: 'events' } as const
    t.match(await rejection(spawn({ module: 'not_installed_anywhere' }, options)), {
      code: 'ERR_IMPORT',
      message: /not_installed_anywhere/,
    })
    t.match(await rejection(spawn({ source: 'def f(:', name: 'my source' }, options)), {
      code: 'ERR_IMPORT',
      message: /my source.*SyntaxError/,
    })
    t.match(await rejection(spawn({ source: 'import sys; sys.exit(5)' }, options)), {
      code: 'ERR_WORKER_EXITED',
      exitCode: 5,
    })
    t.match(await rejection(spawn({ source: 'import os; os.abort()' }, options)), {
      code: 'ERR_WORKER_EXITED',
      signal: 'SIGABRT',
    })
  },
)

t.test('a script that is not there is named with its absolute path', async t => {
  const error = await rejection(spawn('./no/such/model.py'))
  t.match(error, {
    name: 'ScriptNotFoundError',
    code: 'ERR_SCRIPT_NOT_FOUND',
    path: join(process.cwd(), 'no/such/model.py'),
  })
  t.equal((await rejection(spawn('.'))).code, 'ERR_SCRIPT_NOT_FOUND', 'a folder is no script')
  t.equal((await rejection(spawn(new URL('file:///no/such.py')))).code, 'ERR_SCRIPT_NOT_FOUND')
  t.equal(
    (await rejection(spawn({ module: 'math' }, { cwd: '/no/such' }))).name.endsWith('Error'),
    true,
  )
})

t.test('kwargs() alone is no array of arguments', async t => {
  const py = await spawned(t, 'failing.py')
  t.equal(await py.call('fine', kwargs({ value: 3 })), 3)
})

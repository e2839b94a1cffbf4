import t from 'tap'
import * as errors from '#src/errors.js'
import { fromPython } from '#src/from-python.js'

const {
  AbortError,
  ArenaFullError,
  ArgumentsError,
  FunctionNotFoundError,
  IsthmusError,
  MissingPackageError,
  ModuleImportError,
  PythonError,
  PythonNotFoundError,
  ShapeError,
  StartError,
  ValueTypeError,
  WorkerExitedError,
} = errors

const info = { type: 'ValueError', message: 'no', traceback: '', notes: [] }
const every: readonly (Error & { readonly code: string })[] = [
  new PythonError(info),
  new FunctionNotFoundError('no function'),
  new ArgumentsError('one too many'),
  new errors.BatchResultError('one too few'),
  new ValueTypeError('args[0] is a function', 'args[0]'),
  new PythonNotFoundError([]),
  new errors.PythonTooOldError('/usr/bin/python3', '3.8.1', '3.11'),
  new MissingPackageError('/usr/bin/python3', ['numpy']),
  new errors.ScriptNotFoundError('/x.py'),
  new ModuleImportError('model', info),
  new errors.StartHookError('load', info),
  new errors.StartTimeoutError(10, []),
  new errors.VersionError('1.0.0', '2.0.0'),
  new errors.ExtensionError('not for this Python'),
  new errors.PlatformError('not on this system'),
  new WorkerExitedError(1, null, []),
  new errors.TimeoutError(10, 'step'),
  new AbortError('enough'),
  new errors.ObjectGoneError('step(): dropped'),
  new errors.CallbackEndedError(),
  new errors.BlockedError(),
  new errors.QueueFullError(3),
  new ArenaFullError({ requested: 1, used: 2, limit: 3 }),
  new errors.ProtocolError('bad'),
  new errors.SystemError('memfd_create'),
  new errors.ClosedError(),
  new errors.DisposedError(),
  new errors.ForeignTensorError('args[0]'),
  new errors.NotContiguousError(),
  new errors.DTypeError('unknown'),
  new errors.OptionError('unknown'),
  new ShapeError('negative'),
]

t.test('every error has a code of its own, and a stack that starts with its name', async t => {
  t.equal(new Set(every.map(error => error.code)).size, every.length)
  for (const error of every) {
    t.match(error.code, /^ERR_[A-Z_]+$/)
    t.equal(error.name, error.constructor.name)
    t.ok(error.stack?.startsWith(`${error.name}: ${error.message}`), error.name)
    t.ok(error.message.length > 0)
    t.strictSame(Object.keys(error).includes('name'), false)
  }
})

t.test('codes are literal types', async t => {
  const error = new WorkerExitedError(1, null, [])
  const code: 'ERR_WORKER_EXITED' = error.code
  const all: errors.ErrorCode = code
  t.equal(all, 'ERR_WORKER_EXITED')
})

t.test(
  'all are IsthmusError, except a TypeError for values and a RangeError for shapes',
  async t => {
    for (const error of every) {
      if (error instanceof ValueTypeError) t.ok(error instanceof TypeError)
      else if (error instanceof ShapeError) t.ok(error instanceof RangeError)
      else t.ok(error instanceof IsthmusError, error.name)
    }
    t.ok(new MissingPackageError('p', ['numpy']) instanceof StartError)
  },
)

t.test('a Python exception shows its traceback at the end of its stack, once', async t => {
  const traceback = 'Traceback (most recent call last):\n  File "m.py", line 1\nValueError: no\n'
  const error = new PythonError({ ...info, traceback, notes: ['try 1'] })
  t.equal(error.message, 'ValueError: no\ntry 1')
  t.equal(error.pythonMessage, 'no')
  t.equal(error.traceback, traceback)
  t.match(error.stack, /errors\.test[\s\S]+in Python: Traceback/)
  t.notOk(Object.keys(error).includes('traceback'))
})

t.test('an exited worker says how it ended, and its last lines', async t => {
  t.match(new WorkerExitedError(3, null, []).message, /exited with code 3/)
  t.match(new WorkerExitedError(null, 'SIGKILL', []).message, /memory ran out/)
  t.match(new WorkerExitedError(null, 'SIGSEGV', []).message, /crashed \(SIGSEGV/)
  t.match(new WorkerExitedError(1, null, ['a', 'b']).message, /stderr:\n {2}a\n {2}b$/)
})

t.test('a missing package names the command that fixes it', async t => {
  const { command, message } = new MissingPackageError("/my env's/python", ['numpy', 'msgspec'])
  t.equal(command, `'/my env'\\''s/python' -m pip install numpy msgspec`)
  t.ok(message.includes(command))
})

t.test('a full arena gives the sizes and the biggest holders', async t => {
  const holders = [{ what: 'tensor float32 [1000000]', bytes: 4e6 }]
  const { message } = new ArenaFullError({ requested: 8e6, used: 1.5e9, limit: 2e9, holders })
  t.match(message, /8 MB: 1,500 MB of 2,000 MB .* dispose\(\)[\s\S]*\n {2}4 MB tensor float32/)
  t.notMatch(new ArenaFullError({ requested: 9, used: 0, limit: 3 }).message, /dispose/)
})

t.test('fromPython: the code of a payload chooses the class', async t => {
  const payload = { type: 'X', message: 'm', traceback: 'tb', notes: [], cause: null }
  t.type(fromPython({ ...payload, code: 'ERR_FUNCTION_NOT_FOUND' }), FunctionNotFoundError)
  t.type(fromPython({ ...payload, code: 'ERR_ARGUMENTS' }), ArgumentsError)
  t.match(fromPython({ ...payload, code: 'ERR_VALUE', path: 'result[0]' }), { path: 'result[0]' })
  t.match(fromPython({ ...payload, code: 'ERR_IMPORT', module: 'model' }), {
    module: 'model',
    traceback: 'tb',
    message: 'model failed at import: X: m',
  })
  t.match(
    fromPython({ ...payload, code: 'ERR_MISSING_PACKAGE', python: '/p', missing: ['numpy'] }),
    { command: '/p -m pip install numpy' },
  )
  t.type(fromPython({ ...payload, code: 'ERR_SOMETHING_NEW' }), PythonError)
})

t.test('fromPython: causes are chained, and a chain without end is cut', async t => {
  const error = fromPython({ ...info, cause: { ...info, type: 'KeyError', message: "'k'" } })
  t.match(error.cause, { message: "KeyError: 'k'" })
  t.equal(fromPython(info).cause, undefined)
  const endless: Record<string, unknown> = { ...info }
  endless.cause = endless
  let depth = 0
  for (let at: unknown = fromPython(endless); at instanceof Error; at = at.cause) depth++
  t.equal(depth, 33)
})

t.test('fromPython: a payload that is not what it should be is still an error', async t => {
  for (const payload of [null, 3, 'text', [], { type: 4, notes: 'x', cause: 7, traceback: {} }])
    t.match(fromPython(payload), { code: 'ERR_PYTHON', message: 'Exception', notes: [] })
})

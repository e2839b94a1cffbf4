// Every error a user can meet. `code` is stable and never changes; the words may.
//
// Error
// ├── IsthmusError
// │   ├── PythonError              ERR_PYTHON               the function raised
// │   ├── FunctionNotFoundError    ERR_FUNCTION_NOT_FOUND
// │   ├── ArgumentsError           ERR_ARGUMENTS            the call does not fit the function's signature
// │   ├── BatchResultError         ERR_BATCH_RESULT         a batch function did not return one result for each item
// │   ├── StartError               what can go wrong in spawn()
// │   │   ├── PythonNotFoundError  ERR_PYTHON_NOT_FOUND
// │   │   ├── PythonTooOldError    ERR_PYTHON_TOO_OLD
// │   │   ├── MissingPackageError  ERR_MISSING_PACKAGE
// │   │   ├── ScriptNotFoundError  ERR_SCRIPT_NOT_FOUND
// │   │   ├── ModuleImportError    ERR_IMPORT
// │   │   ├── StartHookError       ERR_ON_START             a function marked with @isthmus.on_start raised
// │   │   ├── StartTimeoutError    ERR_START_TIMEOUT
// │   │   ├── VersionError         ERR_VERSION
// │   │   ├── ExtensionError       ERR_EXTENSION            the Python extension does not load
// │   │   └── PlatformError        ERR_PLATFORM             this system, or the addon, is missing something
// │   ├── WorkerExitedError        ERR_WORKER_EXITED
// │   ├── RestartLimitError        ERR_RESTART_LIMIT        the worker ended too often, and stays down
// │   ├── TimeoutError             ERR_TIMEOUT
// │   ├── AbortError               ERR_ABORTED
// │   ├── ObjectGoneError          ERR_OBJECT_GONE          disposed of, or its worker has ended
// │   ├── CallbackEndedError       ERR_CALLBACK_ENDED       told to Python: the call it came with has ended
// │   ├── BlockedError             ERR_BLOCKED              it would wait for ever: a callback in callSync(), a call in a callback
// │   ├── QueueFullError           ERR_QUEUE_FULL
// │   ├── ArenaFullError           ERR_ARENA_FULL
// │   ├── ProtocolError            ERR_PROTOCOL
// │   ├── SystemError              ERR_SYSTEM
// │   ├── ClosedError              ERR_CLOSED               the bridge was closed
// │   ├── DisposedError            ERR_DISPOSED             the tensor was given up
// │   ├── ForeignTensorError       ERR_FOREIGN_TENSOR
// │   ├── NotContiguousError       ERR_NOT_CONTIGUOUS
// │   ├── DTypeError               ERR_DTYPE
// │   └── OptionError              ERR_OPTION
// ├── TypeError
// │   └── ValueTypeError           ERR_VALUE                a value has no counterpart on the other side
// └── RangeError
//     └── ShapeError               ERR_SHAPE

import {
  howItEnded,
  howToGetPython,
  lastLines,
  megabytes,
  shellWord,
  whichLimit,
} from './error-words.js'

/** What the errors of this package have in common, `ValueTypeError` and `ShapeError` apart: they have `code` too. */
export abstract class IsthmusError extends Error {
  abstract readonly code: string
}

/** A Python exception that left the called function. The worker goes on. */
export class PythonError extends IsthmusError {
  readonly code = 'ERR_PYTHON'
  /** Name of the exception's class, with its module unless it is a builtin: `ValueError`, `numpy.linalg.LinAlgError`. */
  readonly type: string
  /** `str(exception)`. */
  readonly pythonMessage: string
  /** The traceback as Python prints it. Part of `stack` too. */
  declare readonly traceback: string
  /** What was added with `exception.add_note()`. */
  readonly notes: readonly string[]

  constructor(info: PythonErrorInfo) {
    const text = info.message === '' ? info.type : `${info.type}: ${info.message}`
    super([text, ...info.notes].join('\n'), causeOf(info))
    this.type = info.type
    this.pythonMessage = info.message
    this.notes = info.notes
    withTraceback(this, info.traceback)
  }
}

export interface PythonErrorInfo {
  readonly type: string
  readonly message: string
  readonly traceback: string
  readonly notes: readonly string[]
  readonly cause?: unknown
}

/** The worker's module has no public function of that name. */
export class FunctionNotFoundError extends IsthmusError {
  readonly code = 'ERR_FUNCTION_NOT_FOUND'
}

/** The arguments do not fit the function's signature; the function was not entered. */
export class ArgumentsError extends IsthmusError {
  readonly code = 'ERR_ARGUMENTS'
}

/** A function marked with `@isthmus.batch` did not return one result for each item: it fails all of them. */
export class BatchResultError extends IsthmusError {
  readonly code = 'ERR_BATCH_RESULT'
}

/** A value that has no counterpart in the other language (docs/values.md). */
export class ValueTypeError extends TypeError {
  readonly code = 'ERR_VALUE'

  constructor(
    message: string,
    /** Where the value is: `args[0].opts.mask`, `kwargs.mask`, `result[3]`. */
    readonly path: string,
  ) {
    super(message)
  }
}

/** Anything that keeps `spawn()` from giving a bridge. */
export abstract class StartError extends IsthmusError {}

/** One place where an interpreter was looked for. */
export interface Attempt {
  /** The rule: `option python`, `ISTHMUS_PYTHON`, `.venv`, … */
  readonly rule: string
  readonly path: string
  /** Why it was not taken. */
  readonly problem: string
}

export class PythonNotFoundError extends StartError {
  readonly code = 'ERR_PYTHON_NOT_FOUND'

  constructor(readonly tried: readonly Attempt[]) {
    const list = tried.map(({ rule, path, problem }) => `  ${rule}: ${path} ${problem}`)
    super(
      ['no Python interpreter found. Tried:', ...list, `To fix it: ${howToGetPython(tried)}`].join(
        '\n',
      ),
    )
  }
}

export class PythonTooOldError extends StartError {
  readonly code = 'ERR_PYTHON_TOO_OLD'

  constructor(
    readonly python: string,
    /** Its version. */
    readonly found: string,
    /** The oldest version that works. */
    readonly needed: string,
  ) {
    super(
      `${python} is Python ${found}, but isthmus needs ${needed} or newer; ` +
        'make an environment with a newer one, or choose one with the option `python` or ISTHMUS_PYTHON',
    )
  }
}

/** A package is not there, or does not load. */
export class MissingPackageError extends StartError {
  readonly code = 'ERR_MISSING_PACKAGE'
  /** The packages that are needed, and to be installed or installed again. */
  readonly missing: readonly string[]
  /** The command that fixes it. */
  readonly command: string

  constructor(
    readonly python: string,
    missing: readonly string[],
    { broken = [], problem = '' }: { broken?: readonly string[]; problem?: string } = {},
  ) {
    const all = [...missing, ...broken]
    const again = broken.length > 0 ? '--force-reinstall ' : ''
    const command = `${shellWord(python)} -m pip install ${again}${all.join(' ')}`
    const wrong = [...missing.map(name => `no ${name}`), ...broken.map(name => `a broken ${name}`)]
    const why = broken.length > 0 ? ` (${problem})` : ''
    super(`${python} has ${wrong.join(' and ')}${why}. To fix it:\n  ${command}`)
    this.missing = all
    this.command = command
  }
}

export class ScriptNotFoundError extends StartError {
  readonly code = 'ERR_SCRIPT_NOT_FOUND'

  constructor(readonly path: string) {
    super(`there is no Python file ${path}; a relative path is taken from the current directory`)
  }
}

/** The user's module raised while it was imported, or was not found. */
export class ModuleImportError extends StartError {
  readonly code = 'ERR_IMPORT'
  declare readonly traceback: string

  constructor(
    readonly module: string,
    info: PythonErrorInfo,
  ) {
    super(`${module} failed at import: ${info.type}: ${info.message}`, causeOf(info))
    withTraceback(this, info.traceback)
  }
}

/** A function that is marked with `@isthmus.on_start` raised. */
export class StartHookError extends StartError {
  readonly code = 'ERR_ON_START'
  declare readonly traceback: string

  constructor(
    /** Name of the function. */
    readonly hook: string,
    info: PythonErrorInfo,
  ) {
    super(`${hook}(), an on_start function, raised ${info.type}: ${info.message}`, causeOf(info))
    withTraceback(this, info.traceback)
  }
}

export class StartTimeoutError extends StartError {
  readonly code = 'ERR_START_TIMEOUT'

  constructor(
    /** Milliseconds. */
    readonly timeout: number,
    readonly stderr: readonly string[],
  ) {
    super(
      `the Python process was not ready after ${timeout} ms; raise \`startTimeout\` if importing takes longer${lastLines(stderr)}`,
    )
  }
}

export class VersionError extends StartError {
  readonly code = 'ERR_VERSION'

  constructor(
    readonly node: string,
    readonly python: string,
  ) {
    super(
      `Node has isthmus ${node} but Python has ${python}; remove the Python one (\`pip uninstall isthmus\`): the npm package brings its own`,
    )
  }
}

/** The message says what is wrong with the Python extension, and what to do. */
export class ExtensionError extends StartError {
  readonly code = 'ERR_EXTENSION'
}

/** The message says what this platform or kernel lacks, and what to do. */
export class PlatformError extends StartError {
  readonly code = 'ERR_PLATFORM'
}

/** The Python process has ended; every call that was pending rejects with this. */
export class WorkerExitedError extends IsthmusError {
  readonly code = 'ERR_WORKER_EXITED'

  constructor(
    /** null when a signal ended it. */
    readonly exitCode: number | null,
    readonly signal: string | null,
    /** The last lines that it wrote to stderr. */
    readonly stderr: readonly string[],
    /** The function for which this process killed it: its call was given up with the option `kill`, and it went on. */
    readonly killedFor?: string,
  ) {
    super(`${howItEnded(exitCode, signal, killedFor)}${lastLines(stderr)}`)
  }
}

/** The worker ended again and again and is not started any more; `cause` is its last end, or what kept it from starting. */
export class RestartLimitError extends IsthmusError {
  readonly code = 'ERR_RESTART_LIMIT'

  constructor(
    /** Restarts in a row that were allowed. */
    readonly limit: number,
    options: { readonly cause: Error },
  ) {
    super(
      `the worker ended again after ${limit} restarts in a row and stays down (\`restart.limit\`); the last time: ${options.cause.message}`,
      options,
    )
  }
}

export class TimeoutError extends IsthmusError {
  readonly code = 'ERR_TIMEOUT'

  constructor(
    /** Milliseconds. */
    readonly timeout: number,
    name?: string,
  ) {
    super(
      `${name === undefined ? 'the call' : `${name}()`} took longer than its timeout of ${timeout} ms; it may still be running in Python`,
    )
  }
}

/** `cause` is the signal's reason. */
export class AbortError extends IsthmusError {
  readonly code = 'ERR_ABORTED'

  constructor(reason: unknown) {
    super('the call was aborted; it may still be running in Python', { cause: reason })
  }
}

/** The message says which object, and why it cannot be used. */
export class ObjectGoneError extends IsthmusError {
  readonly code = 'ERR_OBJECT_GONE'
}

/** What Python is told when it calls a function after the call to which it was passed has ended. */
export class CallbackEndedError extends IsthmusError {
  readonly code = 'ERR_CALLBACK_ENDED'

  constructor() {
    super(
      'the call that this function was passed to has ended; pass keep(fn) from Node if it is to be called later',
    )
  }
}

/**
 * Somebody would wait for ever: a function that Python calls while Node waits in `callSync()`, or a call that such a
 * function makes although the worker's only thread waits for it.
 */
export class BlockedError extends IsthmusError {
  readonly code = 'ERR_BLOCKED'

  constructor(
    message = 'Node is waiting in callSync() and cannot run functions meanwhile; use call() there',
  ) {
    super(message)
  }
}

export class QueueFullError extends IsthmusError {
  readonly code = 'ERR_QUEUE_FULL'

  constructor(readonly maxQueue: number) {
    super(
      `${maxQueue} calls are waiting already (\`maxQueue\`); await some of them before making more`,
    )
  }
}

/** What holds shared memory. */
export interface Holder {
  readonly what: string
  readonly bytes: number
}

export class ArenaFullError extends IsthmusError {
  readonly code = 'ERR_ARENA_FULL'
  readonly requested: number
  readonly used: number
  readonly limit: number
  readonly holders: readonly Holder[]

  /** All sizes in bytes. */
  constructor(info: {
    readonly requested: number
    readonly used: number
    readonly limit: number
    readonly holders?: readonly Holder[]
  }) {
    const { requested, used, limit, holders = [] } = info
    const advice =
      requested > limit ? 'raise `memory`' : 'dispose() of tensors sooner, or raise `memory`'
    const biggest = holders.map(({ what, bytes }) => `\n  ${megabytes(bytes)} ${what}`).join('')
    super(
      `no shared memory for ${megabytes(requested)}: ${megabytes(used)} of ${megabytes(limit)} are in use; ${advice}` +
        (biggest && `. The biggest holders:${biggest}`),
    )
    this.requested = requested
    this.used = used
    this.limit = limit
    this.holders = holders
  }
}

export class ProtocolError extends IsthmusError {
  readonly code = 'ERR_PROTOCOL'

  constructor(problem: string) {
    super(
      `the Python process sent a malformed message (${problem}); the bridge is closed. If no Python code wrote to the channel, please report it`,
    )
  }
}

/** The operating system refused something; the message says what, and which limit to raise. */
export class SystemError extends IsthmusError {
  readonly code = 'ERR_SYSTEM'

  constructor(problem: string, options?: { readonly cause: unknown }) {
    super(`${problem}${whichLimit(problem)}`, options)
  }
}

export class ClosedError extends IsthmusError {
  readonly code = 'ERR_CLOSED'

  constructor(message = 'the bridge is closed; spawn() a new one') {
    super(message)
  }
}

export class DisposedError extends IsthmusError {
  readonly code = 'ERR_DISPOSED'

  constructor() {
    super('the tensor was given up with dispose() or release(); keep it until its last use')
  }
}

export class ForeignTensorError extends IsthmusError {
  readonly code = 'ERR_FOREIGN_TENSOR'

  constructor(readonly path: string) {
    super(
      `${path} is a tensor of another bridge; pass copy().data, or make it with this bridge's tensor()`,
    )
  }
}

export class NotContiguousError extends IsthmusError {
  readonly code = 'ERR_NOT_CONTIGUOUS'

  constructor(what = 'data') {
    super(
      `${what} needs elements that lie in C order without gaps, but this tensor is a strided view; copy() it first`,
    )
  }
}

/** The message says which dtype is unknown, and which was probably meant. */
export class DTypeError extends IsthmusError {
  readonly code = 'ERR_DTYPE'
}

/** The message names the option, and says what it may be. */
export class OptionError extends IsthmusError {
  readonly code = 'ERR_OPTION'
}

/** Negative, fractional or huge shapes, shapes that do not fit the elements, indices outside. */
export class ShapeError extends RangeError {
  readonly code = 'ERR_SHAPE'
}

const classes = {
  PythonError,
  FunctionNotFoundError,
  ArgumentsError,
  BatchResultError,
  ValueTypeError,
  PythonNotFoundError,
  PythonTooOldError,
  MissingPackageError,
  ScriptNotFoundError,
  ModuleImportError,
  StartHookError,
  StartTimeoutError,
  VersionError,
  ExtensionError,
  PlatformError,
  WorkerExitedError,
  RestartLimitError,
  TimeoutError,
  AbortError,
  ObjectGoneError,
  CallbackEndedError,
  BlockedError,
  QueueFullError,
  ArenaFullError,
  ProtocolError,
  SystemError,
  ClosedError,
  DisposedError,
  ForeignTensorError,
  NotContiguousError,
  DTypeError,
  OptionError,
  ShapeError,
}
// On the prototype, so that `stack` starts with the right name and no instance carries it.
for (const [name, type] of Object.entries(classes))
  Object.defineProperty(type.prototype, 'name', { value: name, configurable: true, writable: true })

/** Every literal `code`. */
export type ErrorCode = InstanceType<(typeof classes)[keyof typeof classes]>['code']

const causeOf = (info: PythonErrorInfo) =>
  info.cause === undefined || info.cause === null ? undefined : { cause: info.cause }

/** Not enumerable: it is printed as the end of `stack`. */
function withTraceback(error: Error, traceback: string) {
  Object.defineProperty(error, 'traceback', { value: traceback })
  if (traceback !== '')
    error.stack += `\n  in Python: ${traceback.trimEnd().replaceAll('\n', '\n  ')}`
}

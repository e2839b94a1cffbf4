import type * as isthmus from 'isthmus'
import type { ErrorCode, IsthmusError, StartError } from 'isthmus'
import { expectType } from './expect-type.js'

/** The classes with a literal code, by their names. */
type Codes = {
  [Name in keyof typeof isthmus as (typeof isthmus)[Name] extends new (
    ...args: never[]
  ) => { readonly code: infer Code extends string }
    ? string extends Code
      ? never
      : Code extends `ERR_${string}`
        ? Name
        : never
    : never]: (typeof isthmus)[Name] extends new (
    ...args: never[]
  ) => { readonly code: infer Code }
    ? Code
    : never
}

export function codes(table: Codes) {
  // Whoever adds a class or renames a code comes by here.
  expectType(table).is<{
    PythonError: 'ERR_PYTHON'
    FunctionNotFoundError: 'ERR_FUNCTION_NOT_FOUND'
    ArgumentsError: 'ERR_ARGUMENTS'
    BatchResultError: 'ERR_BATCH_RESULT'
    ValueTypeError: 'ERR_VALUE'
    PythonNotFoundError: 'ERR_PYTHON_NOT_FOUND'
    PythonTooOldError: 'ERR_PYTHON_TOO_OLD'
    MissingPackageError: 'ERR_MISSING_PACKAGE'
    ScriptNotFoundError: 'ERR_SCRIPT_NOT_FOUND'
    ModuleImportError: 'ERR_IMPORT'
    StartHookError: 'ERR_ON_START'
    StartTimeoutError: 'ERR_START_TIMEOUT'
    VersionError: 'ERR_VERSION'
    ExtensionError: 'ERR_EXTENSION'
    PlatformError: 'ERR_PLATFORM'
    WorkerExitedError: 'ERR_WORKER_EXITED'
    RestartLimitError: 'ERR_RESTART_LIMIT'
    TimeoutError: 'ERR_TIMEOUT'
    AbortError: 'ERR_ABORTED'
    ObjectGoneError: 'ERR_OBJECT_GONE'
    CallbackEndedError: 'ERR_CALLBACK_ENDED'
    BlockedError: 'ERR_BLOCKED'
    QueueFullError: 'ERR_QUEUE_FULL'
    ArenaFullError: 'ERR_ARENA_FULL'
    ProtocolError: 'ERR_PROTOCOL'
    SystemError: 'ERR_SYSTEM'
    ClosedError: 'ERR_CLOSED'
    DisposedError: 'ERR_DISPOSED'
    ForeignTensorError: 'ERR_FOREIGN_TENSOR'
    NotContiguousError: 'ERR_NOT_CONTIGUOUS'
    DTypeError: 'ERR_DTYPE'
    OptionError: 'ERR_OPTION'
    ShapeError: 'ERR_SHAPE'
  }>()
  expectType<Codes[keyof Codes]>().is<ErrorCode>()
}

export function classes(error: unknown, code: ErrorCode) {
  type StartHook = isthmus.StartHookError
  expectType<StartHook['hook']>().is<string>()
  expectType<StartHook extends StartError ? true : false>().is<true>()
  expectType<isthmus.TimeoutError extends IsthmusError ? true : false>().is<true>()
  expectType<isthmus.ValueTypeError extends TypeError ? true : false>().is<true>()
  expectType<isthmus.ShapeError extends RangeError ? true : false>().is<true>()
  expectType<isthmus.PythonError['traceback']>().is<string>()
  expectType<isthmus.WorkerExitedError['exitCode']>().is<number | null>()
  switch (code) {
    case 'ERR_TIMEOUT':
    case 'ERR_ON_START':
      return code
    // @ts-expect-error: no such code
    case 'ERR_NONE':
      return code
  }
  // @ts-expect-error: it has not been looked at
  return error.code
}

import {
  AbortError,
  ArenaFullError,
  ArgumentsError,
  BatchResultError,
  BlockedError,
  CallbackEndedError,
  ExtensionError,
  FunctionNotFoundError,
  MissingPackageError,
  ModuleImportError,
  ObjectGoneError,
  ProtocolError,
  PythonError,
  type PythonErrorInfo,
  PythonTooOldError,
  ScriptNotFoundError,
  StartHookError,
  SystemError,
  ValueTypeError,
  VersionError,
} from './errors.js'

/**
 * The error that the payload of an Error message stands for: a map of `type`, `message`, `traceback`, `notes`,
 * `cause` (another such map) and `code`, and for some codes further keys. The payload comes from another
 * process, so nothing in it is taken for granted; what does not fit becomes a PythonError.
 */
export function fromPython(payload: unknown, depth = 0): Error {
  const map = isMap(payload) ? payload : {}
  const message = text(map.message)
  const info: PythonErrorInfo = {
    type: text(map.type, 'Exception'),
    message,
    traceback: text(map.traceback),
    notes: texts(map.notes),
    // Python chains can be long, and a hostile one endless.
    cause: isMap(map.cause) && depth < maxCauses ? fromPython(map.cause, depth + 1) : undefined,
  }
  if (isMap(map.javascript) && info.cause === undefined)
    return new PythonError({ ...info, notes: [], cause: fromJavaScript(map.javascript) })
  switch (map.code) {
    case 'ERR_FUNCTION_NOT_FOUND':
      return new FunctionNotFoundError(message)
    case 'ERR_ARGUMENTS':
      return new ArgumentsError(message)
    case 'ERR_BATCH_RESULT':
      return new BatchResultError(message)
    case 'ERR_VALUE':
      return new ValueTypeError(message, text(map.path))
    case 'ERR_IMPORT':
      return new ModuleImportError(text(map.module, 'the module'), info)
    case 'ERR_ON_START':
      return new StartHookError(text(map.hook, 'a hook'), info)
    case 'ERR_OBJECT_GONE':
      return new ObjectGoneError(message)
    case 'ERR_CALLBACK_ENDED':
      return Object.assign(new CallbackEndedError(), { cause: new PythonError(info) })
    case 'ERR_BLOCKED':
      return Object.assign(new BlockedError(message), { cause: new PythonError(info) })
    case 'ERR_ABORTED':
      return new AbortError(undefined)
    case 'ERR_MISSING_PACKAGE':
      return new MissingPackageError(text(map.python, 'python3'), texts(map.missing), {
        broken: texts(map.broken),
        problem: message,
      })
    case 'ERR_PYTHON_TOO_OLD':
      return new PythonTooOldError(
        text(map.python, 'python3'),
        text(map.found, 'unknown'),
        text(map.needed, '3.11'),
      )
    case 'ERR_SCRIPT_NOT_FOUND':
      return new ScriptNotFoundError(text(map.path))
    case 'ERR_VERSION':
      return new VersionError(text(map.node, 'unknown'), text(map.python, 'unknown'))
    case 'ERR_EXTENSION':
      return new ExtensionError(message)
    case 'ERR_ARENA_FULL':
      return new ArenaFullError({
        requested: count(map.requested),
        used: count(map.used),
        limit: count(map.limit),
      })
    case 'ERR_PROTOCOL':
      return new ProtocolError(message)
    case 'ERR_SYSTEM':
      return new SystemError(message)
    default:
      return new PythonError(info)
  }
}

const maxCauses = 32

/** What a function of Node had thrown, and Python did not catch: another error of the same words. */
function fromJavaScript(map: Record<string, unknown>): Error {
  const error: Error & { code?: string } = new Error(text(map.message))
  error.name = text(map.name, 'Error')
  error.stack = text(map.stack)
  if (typeof map.code === 'string') error.code = map.code
  return error
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const text = (value: unknown, otherwise = '') => (typeof value === 'string' ? value : otherwise)

const texts = (value: unknown) =>
  Array.isArray(value) ? value.filter(item => typeof item === 'string') : []

const count = (value: unknown) => (typeof value === 'number' ? value : 0)

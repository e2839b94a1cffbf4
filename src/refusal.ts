import { types } from 'node:util'

/** `args[0].opts["a key"][3]`; a long one loses its middle. */
export function pathOf(root: string, keys: readonly (string | number)[]): string {
  const parts = keys.map(key =>
    typeof key === 'number' ? `[${key}]` : name.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`,
  )
  if (parts.length > 40) parts.splice(20, parts.length - 40, ' … ')
  return root + parts.join('')
}

const name = /^[A-Za-z_$][\w$]*$/

/** Why a value cannot cross, and what to do instead: the end of a sentence that starts with its path. */
export function problemWith(value: unknown): string {
  if (typeof value === 'function')
    return 'is a function, and code cannot cross; pass the name of a Python function'
  if (typeof value === 'symbol') return 'is a symbol; pass its description'
  if (typeof value === 'string')
    return 'is a string with a lone surrogate, which is not Unicode; use toWellFormed() or pass a Buffer'
  if (typeof value !== 'object' || value === null) return `is a ${typeof value}`
  if (types.isPromise(value)) return 'is a promise; await it first'
  if (types.isDate(value))
    return Number.isNaN(value.getTime())
      ? 'is an invalid Date'
      : "is a Date outside of the years 1 to 9999, which Python's datetime has"
  if (types.isSet(value)) return 'is a Set; pass [...set]'
  if (types.isNativeError(value)) return 'is an Error; pass its message'
  if (types.isDataView(value)) return 'is a DataView; pass a typed array, or a Buffer for bytes'
  if (types.isSharedArrayBuffer(value)) return 'is a SharedArrayBuffer; pass a typed array over it'
  if (types.isRegExp(value)) return 'is a RegExp; pass its source'
  if (types.isBoxedPrimitive(value)) return 'is a wrapper object; pass its valueOf()'
  return `is an instance of ${className(value)}; pass a plain object, such as { ...value }`
}

function className(value: object): string {
  const type: unknown = value.constructor
  return typeof type === 'function' && type.name !== '' ? type.name : 'a class'
}

import { inspect, types } from 'node:util'

/** As many of a chain of causes are told. */
const maxCauses = 16

/** What JavaScript threw, as the payload of an Error message: the map that python/isthmus/callbacks.py reads. */
export function errorToPython(error: unknown, depth = 0): Record<string, unknown> {
  try {
    return types.isNativeError(error) || error instanceof Error
      ? described(error, depth)
      : words(typeof error, typeof error === 'string' ? error : inspect(error))
  } catch {
    // A getter, a Proxy, inspect.custom: looking at it throws in turn. Python waits, and must be told something.
    return words('Error', 'JavaScript threw something that cannot be looked at')
  }
}

function described(error: Error, depth: number) {
  const { name, message, stack, cause } = error
  const code = (error as { code?: unknown }).code
  return {
    ...words(name, message),
    traceback: text(stack),
    cause: cause === undefined || depth === maxCauses ? null : errorToPython(cause, depth + 1),
    code: typeof code === 'string' ? text(code) : null,
  }
}

const words = (type: unknown, message: unknown) => ({
  type: text(type),
  message: text(message),
  traceback: '',
  notes: [],
  cause: null,
  code: null,
})

/** Whatever it is, it can be sent: no longer than a traceback is worth, and Unicode. */
function text(value: unknown): string {
  if (typeof value !== 'string') return ''
  const short = value.length > maxText ? `${value.slice(0, maxText)}…` : value
  return Buffer.from(short, 'utf8').toString('utf8') // a lone surrogate becomes U+FFFD
}

const maxText = 64 * 1024

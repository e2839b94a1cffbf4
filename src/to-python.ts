import { inspect } from 'node:util'

/** As many of a chain of causes are told. */
const maxCauses = 16

/** What JavaScript threw, as the payload of an Error message: the map that python/isthmus/callbacks.py reads. */
export function errorToPython(error: unknown, depth = 0): Record<string, unknown> {
  if (!(error instanceof Error))
    return {
      type: typeof error,
      message: text(printed(error)),
      traceback: '',
      notes: [],
      cause: null,
      code: null,
    }
  const { name, message, stack, cause } = error
  const code = (error as { code?: unknown }).code
  return {
    type: text(name),
    message: text(message),
    traceback: text(stack),
    notes: [],
    cause: cause === undefined || depth === maxCauses ? null : errorToPython(cause, depth + 1),
    code: typeof code === 'string' ? text(code) : null,
  }
}

const printed = (value: unknown) => (typeof value === 'string' ? value : inspect(value))

/** Whatever it is, it can be sent: no longer than a traceback is worth, and Unicode. */
function text(value: unknown): string {
  if (typeof value !== 'string') return ''
  const short = value.length > maxText ? `${value.slice(0, maxText)}…` : value
  return Buffer.from(short, 'utf8').toString('utf8') // a lone surrogate becomes U+FFFD
}

const maxText = 64 * 1024

// Whatever a worker sends, Node gets a value or a typed error, and nothing else changes.
import { deepStrictEqual, ok } from 'node:assert/strict'
import { decodeValue, encodeValue } from '#src/codec.js'
import { ProtocolError, ValueTypeError } from '#src/errors.js'
import { fromPython } from '#src/from-python.js'
import { readLog } from '#src/log.js'
import { objectId, readBatchAnswer, readProgress } from '#src/payloads.js'

/** Stand for the tensors of a message, and for functions and objects that Node knows. */
class Thing {
  readonly place: number
  constructor(place: number) {
    this.place = place
  }
}
const tensors = [new Thing(0), new Thing(1)]
const known = Array.from({ length: 4 }, (_, id) => new Thing(id + 10))
const find = (_: number, id: number) => known[id - 1]

const cargo = { tensor: () => 0 }
const prototypes = [Object, Array, Function, Date, Buffer, Error, String, Number].map(
  ({ prototype }) => ({ prototype, names: Reflect.ownKeys(prototype).length }),
)

const isTyped = (error: unknown) =>
  error instanceof ProtocolError || error instanceof ValueTypeError

function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (!isTyped(error)) throw error
    return undefined
  }
}

/** What a value is made of: nothing but what docs/values.md says. Counts its parts. */
function look(value: unknown): { readonly parts: number; readonly goesBack: boolean } {
  const open: unknown[] = [value]
  let goesBack = true
  let parts = 0
  for (; parts < open.length; parts++) {
    const part = open[parts]
    if (part instanceof Thing) goesBack = false
    if (typeof part === 'string') goesBack &&= !/\p{Surrogate}/u.test(part)
    if (typeof part !== 'object' || part === null || part instanceof Thing || part instanceof Date)
      continue
    if (Buffer.isBuffer(part)) continue
    if (Array.isArray(part)) for (const item of part) open.push(item)
    else {
      ok(Object.getPrototypeOf(part) === Object.prototype, 'an object of another kind')
      for (const key of Object.keys(part)) {
        const property = Object.getOwnPropertyDescriptor(part, key)!
        ok('value' in property && property.writable && property.configurable)
        open.push(property.value)
      }
    }
  }
  return { parts, goesBack }
}

const codes = [
  'FUNCTION_NOT_FOUND',
  'ARGUMENTS',
  'BATCH_RESULT',
  'VALUE',
  'IMPORT',
  'ON_START',
  'OBJECT_GONE',
  'CALLBACK_ENDED',
  'BLOCKED',
  'ABORTED',
  'MISSING_PACKAGE',
  'PYTHON_TOO_OLD',
  'SCRIPT_NOT_FOUND',
  'VERSION',
  'EXTENSION',
  'ARENA_FULL',
  'PROTOCOL',
  'SYSTEM',
]

/** Payloads as a worker writes them. */
export const payloads: readonly Uint8Array[] = [
  ...codes.map(code => ({ code: `ERR_${code}`, type: 'T', message: 'm', notes: ['n'], cause: {} })),
  { type: 'ValueError', message: 'm', traceback: 't', cause: { type: 'KeyError', cause: null } },
  { javascript: { name: 'TypeError', message: 'm', stack: 's', code: 'C' } },
  { level: 30, levelName: 'WARNING', logger: 'root', time: 1.5e9, line: 3, exception: 'e' },
  [0.5, null],
  [[1, null], [[1, { type: 'ValueError', message: 'm' }]], 5],
  [0.5, 'half'],
  1,
  { a: [1, 'text', { b: [2.5, -0, 2n ** 70n, new Date(0), Buffer.from('x')] }] },
].map(value => encodeValue(value, 'seed', cargo))

/** An input is the payload of a message with two tensors. */
export function tryPayload(payload: Uint8Array): void {
  const value = attempt(() => decodeValue(payload, tensors, 0, payload.length, find))
  if (value !== undefined) {
    const { parts, goesBack } = look(value)
    ok(parts <= payload.length, 'more values than bytes')
    if (goesBack) {
      const again = attempt(() => encodeValue(value, 'value', cargo))
      // Dates before the year 1 are read, and not written.
      if (again !== undefined) deepStrictEqual(decodeValue(again, []), value)
    }
  }
  ok(fromPython(value) instanceof Error)
  readLog(value)
  attempt(() => readProgress(value))
  attempt(() => readBatchAnswer(value, 2))
  attempt(() => objectId(value))
  for (const { prototype, names } of prototypes)
    ok(Reflect.ownKeys(prototype).length === names, 'a prototype has changed')
}

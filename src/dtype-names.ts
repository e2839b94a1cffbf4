import { DTypeError } from './errors.js'
import { didYouMean } from './spelling.js'

/** What people coming from numpy, torch or C write. */
const otherNames = new Map(
  Object.entries({
    float: 'float64',
    double: 'float64',
    half: 'float16',
    single: 'float32',
    f2: 'float16',
    f4: 'float32',
    f8: 'float64',
    i1: 'int8',
    i2: 'int16',
    i4: 'int32',
    i8: 'int64',
    u1: 'uint8',
    u2: 'uint16',
    u4: 'uint32',
    u8: 'uint64',
    c8: 'complex64',
    c16: 'complex128',
    int: 'int64',
    long: 'int64',
    uint: 'uint64',
    byte: 'uint8',
    boolean: 'bool',
    bool_: 'bool',
    complex: 'complex128',
  }),
)

/** Says what was probably meant. */
export function unknownDType(given: unknown, dtypeNames: readonly string[]): DTypeError {
  if (typeof given !== 'string')
    return new DTypeError(
      `a dtype is a string such as 'float32', not ${given === null ? 'null' : typeof given}`,
    )
  if (/^(object|str|string|bytes|O|[SU]\d*)_?$/.test(given))
    return new DTypeError(
      `'${given}' is not a dtype here: only numbers, booleans and times lie in shared memory; pass a list instead`,
    )
  const same = otherNames.get(given.replace(/^[<>=|]/, ''))
  const hint = same === undefined ? didYouMean(given, dtypeNames) : `; did you mean '${same}'?`
  return new DTypeError(
    `unknown dtype '${given}'${hint || `; it is one of ${dtypeNames.slice(0, 15).join(', ')}, datetime64[unit], timedelta64[unit]`}`,
  )
}

// Whatever can be said in both languages survives the journey, checked with generated values.
import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { Tensor } from 'isthmus'
import t from 'tap'
import { spawned } from './spawned.js'

const py = await spawned(t, 'values.py')

const scalars = fc.oneof(
  fc.constantFrom(null, true, false),
  fc.maxSafeInteger(),
  fc.double(),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
  fc.bigInt({ min: -(2n ** 300n), max: 2n ** 300n }),
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.uint8Array({ maxLength: 100 }).map(bytes => Buffer.from(bytes)),
  fc.date({
    min: new Date('0001-01-01T00:00:00.000Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  }),
)
const keys = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', 'constructor'))
const nested = (leaves: fc.Arbitrary<unknown>) =>
  fc.letrec<{ value: unknown }>(tie => ({
    value: fc.oneof(
      { depthSize: 'medium', withCrossShrink: true },
      leaves,
      fc.array(tie('value'), { maxLength: 6 }),
      fc.dictionary(keys, tie('value'), { maxKeys: 6, noNullPrototype: true }),
    ),
  })).value

const typedArrays = fc.oneof(
  fc.int8Array(),
  fc.uint8Array(),
  fc.uint8ClampedArray(),
  fc.int16Array(),
  fc.uint16Array(),
  fc.int32Array(),
  fc.uint32Array(),
  fc.float32Array(),
  fc.float64Array(),
  fc.bigInt64Array(),
  fc.bigUint64Array(),
)

t.test('any nested value comes back as it was', async t => {
  await fc.assert(
    fc.asyncProperty(nested(scalars), async value => {
      deepStrictEqual(await py.call('echo', value), expected(value))
    }),
    { numRuns: 500 },
  )
  t.pass('500 values')
})

t.test('any nested value is the same Python value in Python', async t => {
  await fc.assert(
    fc.asyncProperty(nested(scalars), async value => {
      const source = python(value)
      deepStrictEqual(await py.call('equals', value, source), true, source)
    }),
    { numRuns: 500 },
  )
  t.pass('500 values')
})

t.test('typed arrays anywhere in a value come back as tensors with their elements', async t => {
  const values = nested(fc.oneof(scalars, typedArrays))
  await fc.assert(
    fc.asyncProperty(values, async value => {
      deepStrictEqual(expected(await py.call('echo', value)), expected(value))
    }),
    { numRuns: 500 },
  )
  t.pass('500 values')
})

t.test('any arguments and keywords arrive in their places', async t => {
  const args = fc.array(nested(scalars), { maxLength: 10 })
  await fc.assert(
    fc.asyncProperty(args, async args => {
      deepStrictEqual(await py.call('echo_all', ...args), [expected(args), {}])
    }),
    { numRuns: 100 },
  )
  t.pass('100 argument lists')
})

t.test('values nested 400 levels deep cross', async t => {
  let value: unknown = 'bottom'
  for (let level = 0; level < 400; level++) value = level % 2 ? [value] : { value }
  t.strictSame(await py.call('echo', value), value)
})

/** What a value is after the journey; tensors and typed arrays are compared by type and elements. */
function expected(value: unknown): unknown {
  if (value instanceof Tensor) {
    const { data } = value
    const elements = [data.constructor.name, [...(data as Iterable<unknown>)]]
    value.dispose()
    return elements
  }
  if (value instanceof Uint8ClampedArray) return ['Uint8Array', [...value]]
  if (ArrayBuffer.isView(value) && !Buffer.isBuffer(value))
    return [value.constructor.name, [...(value as unknown as Iterable<unknown>)]]
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (Array.isArray(value)) return value.map(expected)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date || Buffer.isBuffer(value)) return value
  // fromEntries makes properties of all keys, __proto__ too.
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expected(item)]))
}

/** A Python expression for the value. */
function python(value: unknown): string {
  switch (typeof value) {
    case 'boolean':
      return value ? 'True' : 'False'
    case 'bigint':
      return String(value)
    case 'number':
      if (Number.isSafeInteger(value) && !Object.is(value, -0)) return String(value)
      return `float('${Object.is(value, -0) ? '-0' : value}')`
    case 'string':
      return `bytes.fromhex('${Buffer.from(value).toString('hex')}').decode()`
  }
  if (value === null) return 'None'
  if (Buffer.isBuffer(value)) return `bytes.fromhex('${value.toString('hex')}')`
  if (value instanceof Date)
    return (
      'datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)' +
      ` + datetime.timedelta(milliseconds=${value.getTime()})`
    )
  if (Array.isArray(value)) return `[${value.map(python).join(', ')}]`
  const items = Object.entries(value as object).map(([k, v]) => `${python(k)}: ${python(v)}`)
  return `{${items.join(', ')}}`
}

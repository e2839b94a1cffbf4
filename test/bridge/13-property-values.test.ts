// Thousands of generated values, many to a call: what the table in docs/values.md says, and the same when sent again.
import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { Tensor } from 'isthmus'
import t from 'tap'
import { rejection, spawned } from './spawned.js'

const py = await spawned(t, 'views.py')
const runs = Number(process.env.ISTHMUS_PROPERTY_RUNS ?? 60)

/** What is sent, and what comes back. */
interface Pair {
  readonly give: unknown
  readonly get: unknown
}

const same = (value: unknown): Pair => ({ give: value, get: value })
const integer = (value: bigint) => (Number.isSafeInteger(Number(value)) ? Number(value) : value)
const text = fc.string({ unit: 'binary', maxLength: 40 })
const bigint = fc.oneof(
  fc.bigInt({ min: -(2n ** 66n), max: 2n ** 66n }),
  fc.bigInt({ min: -(2n ** 2000n), max: 2n ** 2000n }),
)
const functions = [() => 1, () => 2]
const typedArrays = fc.oneof(
  fc.int8Array(),
  fc.uint8Array(),
  fc.int16Array(),
  fc.uint16Array(),
  fc.int32Array(),
  fc.uint32Array(),
  fc.float32Array(),
  fc.float64Array(),
  fc.bigInt64Array(),
  fc.bigUint64Array(),
)

const leaf: fc.Arbitrary<Pair> = fc.oneof(
  fc.constantFrom(null, true, false, -0, NaN, Infinity, -Infinity, 2 ** 53, 5e-324).map(same),
  fc.constant({ give: undefined, get: null }),
  fc.maxSafeInteger().map(same),
  fc.double().map(same),
  bigint.map(give => ({ give, get: integer(give) })),
  text.map(same),
  fc.string({ minLength: 240, maxLength: 300 }).map(same),
  fc.uint8Array({ maxLength: 300 }).map(bytes => same(Buffer.from(bytes))),
  fc.uint8Array().map(bytes => ({ give: bytes.slice().buffer, get: Buffer.from(bytes) })),
  fc
    .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
    .map(same),
  fc.constantFrom(...functions).map(same),
  typedArrays.map(array => ({ give: array, get: described(array) })),
)

const key = fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'then', ''))
const mapKey = fc.oneof(text, fc.maxSafeInteger(), bigint, fc.constantFrom(0.5, -1.5, 1e300, NaN))

/** Own properties, also one that is called `__proto__`. */
const object = (entries: Iterable<readonly [unknown, unknown]>) =>
  Object.fromEntries([...entries].map(([name, value]) => [String(name), value]))

const { pair } = fc.letrec<{ pair: Pair }>(tie => ({
  pair: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc
      .array(tie('pair'), { maxLength: 6 })
      .map(list => ({ give: list.map(({ give }) => give), get: list.map(({ get }) => get) })),
    fc.array(fc.tuple(key, tie('pair')), { maxLength: 6 }).map(entries => ({
      give: object(entries.map(([name, { give }]) => [name, give])),
      get: object(entries.map(([name, { get }]) => [name, get])),
    })),
    fc.array(fc.tuple(mapKey, tie('pair')), { maxLength: 6 }).map(entries => ({
      give: new Map(entries.map(([name, { give }]) => [name, give])),
      get: object(new Map(entries.map(([name, { get }]) => [name, get]))),
    })),
  ),
}))

interface Described {
  readonly name: string
  readonly bytes: Buffer
}

function described(array: ArrayBufferView & { readonly [Symbol.toStringTag]: string }): Described {
  const bytes = Buffer.from(array.buffer, array.byteOffset, array.byteLength)
  return { name: array[Symbol.toStringTag], bytes: Buffer.from(bytes) }
}

/** Tensors as what was sent. */
function plain(value: unknown): unknown {
  if (value instanceof Tensor) return described(value.data)
  if (Array.isArray(value)) return value.map(plain)
  if (
    typeof value !== 'object' ||
    value === null ||
    Buffer.isBuffer(value) ||
    value instanceof Date
  )
    return value
  return object(Object.entries(value).map(([name, item]) => [name, plain(item)]))
}

t.test('every value comes back as the table says, and again the second time', async t => {
  let values = 0
  const property = fc.asyncProperty(fc.array(pair, { maxLength: 60, size: 'max' }), async pairs => {
    values += pairs.length
    const once = await py.call(
      'echo',
      pairs.map(({ give }) => give),
    )
    deepStrictEqual(
      plain(once),
      pairs.map(({ get }) => get),
    )
    const twice = await py.call('echo', once)
    deepStrictEqual(plain(twice), plain(once))
  })
  await fc.assert(property, { numRuns: runs })
  t.ok(values > runs, `${values} values`)
})

t.test('a text with a lone surrogate is refused on either side, and named', async t => {
  const lone = fc.integer({ min: 0xd800, max: 0xdfff })
  const letters = fc.string({ unit: fc.constantFrom('a', 'é', '語'), maxLength: 20 })
  const property = fc.asyncProperty(letters, fc.nat(20), lone, async (letters, at, code) => {
    const broken = letters.slice(0, at) + String.fromCharCode(code) + letters.slice(at)
    const here = await rejection(py.call('echo', [{ deep: broken }]))
    deepStrictEqual(here.code, 'ERR_VALUE')
    deepStrictEqual(here.message.startsWith('args[0][0].deep'), true, here.message)
    const there = await rejection(py.call('lone_surrogate', letters, at, code))
    deepStrictEqual(there.code, 'ERR_VALUE')
  })
  await fc.assert(property, { numRuns: runs })
  t.pass()
})

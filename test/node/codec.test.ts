import { runInNewContext } from 'node:vm'
import t from 'tap'
import {
  type Cargo,
  decodeValue,
  encodeCall,
  encodeValue,
  maxDepth,
  tensorMark,
} from '#src/codec.js'
import { ValueTypeError } from '#src/errors.js'

const noPlace: Cargo['tensor'] = (_array, where) => {
  throw new Error(`unexpected array at ${where.path()}`)
}
const encode = (value: unknown, place = noPlace) => encodeValue(value, 'args[0]', { tensor: place })
const roundTrip = (value: unknown) => decodeValue(encode(value), [])
const hex = (value: unknown) => Buffer.from(encode(value)).toString('hex')

function problem(value: unknown): string {
  try {
    encode(value)
  } catch (error) {
    if (error instanceof ValueTypeError && error.message.startsWith(error.path))
      return error.message
    throw error
  }
  return 'no error'
}

t.test('numbers: integers are integers, and the sign of zero is kept', async t => {
  t.equal(hex(5), '05')
  t.equal(hex(-1), 'ff')
  t.equal(hex(-0), 'cb8000000000000000')
  t.equal(hex(1.5), 'cb3ff8000000000000')
  for (const integer of [
    2 ** 31,
    2 ** 32,
    -(2 ** 31) - 1,
    2 ** 53 - 1,
    -(2 ** 53) + 1,
    -(2 ** 32),
  ]) {
    t.equal(hex(integer).slice(0, 2), 'd3')
    t.equal(roundTrip(integer), integer)
  }
  t.equal(hex(2 ** 53).slice(0, 2), 'cb')
  for (const number of [
    0,
    127,
    128,
    255,
    256,
    65535,
    65536,
    -32,
    -33,
    -128,
    -32768,
    -32769,
    -0,
    1e300,
    5e-324,
    Infinity,
    NaN,
  ])
    t.ok(Object.is(roundTrip(number), number), String(number))
})

t.test('bigints of any size, which come back as numbers if those are exact', async t => {
  t.equal(roundTrip(7n), 7)
  t.equal(roundTrip(-(2n ** 53n)), -(2n ** 53n))
  for (const bits of [53n, 63n, 64n, 65n, 71n, 72n, 200n, 4096n])
    for (const near of [-1n, 0n, 1n])
      for (const value of [2n ** bits + near, -(2n ** bits) + near])
        t.equal(
          roundTrip(value),
          value >= -(2n ** 53n) + 1n && value <= 2n ** 53n - 1n ? Number(value) : value,
        )
  t.equal(hex(2n ** 64n), 'c70902010000000000000000')
  t.equal(hex(-(2n ** 63n) - 1n), 'c70902ff7fffffffffffffff')
})

t.test('texts of every length', async t => {
  for (const letter of ['x', 'é', '日', '😀'])
    for (const length of [
      0, 1, 10, 11, 15, 16, 31, 32, 85, 86, 255, 256, 21845, 21846, 65535, 65536, 70000,
    ])
      t.ok(roundTrip(letter.repeat(length)) === letter.repeat(length), `${letter} × ${length}`)
})

t.test('bytes are copied, never views', async t => {
  const payload = encode([Buffer.from('abc'), new Uint8Array([1, 2]).buffer, new ArrayBuffer(0)])
  const bytes = decodeValue(payload, []) as Buffer[]
  payload.fill(0)
  t.strictSame(bytes, [Buffer.from('abc'), Buffer.from([1, 2]), Buffer.alloc(0)])
  for (const length of [255, 256, 65535, 65536, 300000])
    t.ok((roundTrip(Buffer.alloc(length, 7)) as Buffer).equals(Buffer.alloc(length, 7)))
})

t.test('dates keep their milliseconds', async t => {
  for (const time of [
    0, 1, -1, 1000, 4294967295999, 4294967296000, 17179869183999, 17179869184000, -62135596800000,
    253402300799999,
  ])
    t.strictSame(roundTrip(new Date(time)), new Date(time))
})

t.test('lists, objects and maps', async t => {
  const list = Array.from({ length: 70000 }, (_, i) => i)
  t.strictSame(roundTrip(list), list)
  const object = Object.fromEntries(list.map(i => [`k${i}`, i]))
  t.strictSame(roundTrip(object), object)
  t.strictSame(
    roundTrip(
      new Map<unknown, unknown>([
        [1, 'a'],
        ['b', [2]],
        [true, 3],
        [2n, 4],
      ]),
    ),
    { 1: 'a', b: [2], true: 3, 2: 4 },
  )
  t.strictSame(roundTrip([undefined, null, true, false, ...new Array(1), 1]), [
    null,
    null,
    true,
    false,
    null,
    1,
  ])
  t.strictSame(roundTrip(Object.assign(Object.create(null), { a: 1 })), { a: 1 })
})

t.test('a key named __proto__ is a key like any other', async t => {
  const value = roundTrip(JSON.parse('{"__proto__": {"polluted": 1}, "constructor": 2}')) as object
  t.equal(JSON.stringify(value), '{"__proto__":{"polluted":1},"constructor":2}')
  t.equal(Object.getPrototypeOf(value), Object.prototype)
})

t.test('keys are not taken for one another', async t => {
  const keys = ['é', 'Ã©', 'Ã', '\u00c3', 'a', 'ab', 'ba', '']
  for (let round = 0; round < 3; round++)
    for (const key of keys) t.strictSame(roundTrip({ [key]: 1 }), { [key]: 1 })
})

t.test('values of another realm are what they are here', async t => {
  const value = runInNewContext(
    '({ list: [1], map: new Map([["a", 1]]), date: new Date(5), bytes: new ArrayBuffer(2) })',
  )
  t.strictSame(roundTrip(value), {
    list: [1],
    map: { a: 1 },
    date: new Date(5),
    bytes: Buffer.alloc(2),
  })
  t.match(problem(runInNewContext('new Set()')), /is a Set/)
  t.match(problem(runInNewContext('new (class Foo {})()')), /an instance of Foo/)
})

t.test('tensors and typed arrays, anywhere, become what place() answers', async t => {
  const tensor = { __proto__: { [tensorMark]: true } }
  const floats = new Float32Array(2)
  const seen: [unknown, string][] = []
  const place: Cargo['tensor'] = (array, where) => seen.push([array, where.path()]) - 1
  const payload = encodeCall('f', [tensor, { a: [floats] }], { mask: floats }, undefined, {
    tensor: place,
  })
  t.equal(seen[0]?.[0], tensor)
  t.equal(seen[1]?.[0], floats)
  t.strictSame(
    seen.map(([, path]) => path),
    ['args[0]', 'args[1].a[0]', 'kwargs.mask'],
  )
  t.strictSame(decodeValue(payload, ['A', 'B', 'C']), ['f', ['A', { a: ['B'] }], { mask: 'C' }])
  t.equal(Buffer.from(encode(floats, () => 258)).toString('hex'), 'd60100000102')
})

t.test('what cannot cross is refused with its path, and what to do', async t => {
  class Point {}
  const at = (value: unknown) => problem([0, { opts: { mask: value } }])
  t.match(
    at(() => 0),
    /^args\[0\]\[1\]\.opts\.mask is a function/,
  )
  t.match(at(Symbol('s')), /is a symbol/)
  t.match(at(Promise.resolve()), /is a promise; await it/)
  t.match(at(new Date(Number.NaN)), /invalid Date/)
  t.match(at(new Date(8.64e15)), /years 1 to 9999/)
  t.match(at(new Set([1])), /pass \[\.\.\.set\]/)
  t.match(at(new Error('x')), /is an Error/)
  t.match(at(new Point()), /an instance of Point/)
  t.match(at(Object.create({ inherited: 1 })), /an instance of Object/)
  t.match(at(/x/), /RegExp/)
  t.match(at(new Number(1)), /valueOf/)
  t.match(at(new DataView(new ArrayBuffer(1))), /DataView/)
  t.match(at(new SharedArrayBuffer(1)), /SharedArrayBuffer/)
  t.match(at(new WeakMap()), /WeakMap/)
  t.match(at('\ud800'), /lone surrogate/)
  t.match(at(`${'long'.repeat(30)}\udc00`), /lone surrogate/)
  t.match(at({ '\ud800': 1 }), /lone surrogate/)
  t.match(at(new Map([[{}, 1]])), /has a key that is not/)
  t.match(problem({ 'a b': { '1': () => 0 } }), /^args\[0\]\["a b"\]\["1"\] is/)
})

t.test('a cycle is refused with both of its ends; sharing is not a cycle', async t => {
  const cycle: Record<string, unknown> = { list: [] }
  cycle.list = [1, cycle]
  t.match(problem(cycle), /^args\[0\]\.list\[1\] is a cycle: it is the same object as args\[0\]$/)
  const map = new Map<string, unknown>()
  map.set('self', map)
  t.match(problem(map), /^args\[0\]\.self is a cycle/)
  const shared = { a: 1 }
  t.strictSame(roundTrip([shared, shared]), [shared, shared])
})

t.test('deep nesting is refused without overflowing the stack', async t => {
  const nested = (levels: number) => {
    let value: unknown = 1
    for (let i = 0; i < levels; i++) value = i % 2 ? { a: value } : [value]
    return value
  }
  t.strictSame(roundTrip(nested(maxDepth)), nested(maxDepth))
  t.match(problem(nested(maxDepth + 1)), /more than 500 levels/)
  t.match(problem(nested(10_000)), /more than 500 levels/)
  t.ok(problem(nested(10_000)).length < 500)
})

t.test('a call that was refused leaves nothing behind', async t => {
  const list = [1, 2]
  t.match(problem([list, () => 0]), /function/)
  t.strictSame(roundTrip(list), list)
  t.strictSame(roundTrip([list, 'x'.repeat(100_000)]), [list, 'x'.repeat(100_000)])
})

t.test('a getter may encode something itself', async t => {
  const value = {
    get inner() {
      return roundTrip([1, 'two'])
    },
  }
  t.strictSame(roundTrip({ a: value, b: 2 }), { a: { inner: [1, 'two'] }, b: 2 })
})

t.test('payloads belong to the caller', async t => {
  const first = ['a', 'x'.repeat(40), 'y'.repeat(3000), [1]].map(value => encode(value))
  for (let i = 0; i < 1000; i++) encode({ i, text: 'overwrite'.repeat(i % 50) })
  t.strictSame(
    first.map(payload => decodeValue(payload, [])),
    ['a', 'x'.repeat(40), 'y'.repeat(3000), [1]],
  )
})

t.test('a payload may be part of a larger buffer', async t => {
  const inner = encode({ a: [1.5, 'text that is not short at all', 2 ** 40] })
  const outer = Buffer.concat([Buffer.alloc(3), inner, Buffer.alloc(5)])
  const value = { a: [1.5, 'text that is not short at all', 2 ** 40] }
  t.strictSame(decodeValue(outer, [], 3, 3 + inner.length), value)
  t.strictSame(decodeValue(outer.subarray(3, 3 + inner.length), []), value)
})

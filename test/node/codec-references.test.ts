// Extensions 3 to 5: functions, objects of the worker and iterators, which cross as ids.
import { Readable } from 'node:stream'
import fc from 'fast-check'
import t from 'tap'
import { type Cargo, decodeValue, encodeCall, encodeValue, Kept, objectMark } from '#src/codec.js'
import { ValueTypeError } from '#src/errors.js'

/** Numbers what it is given, from `first` up. */
class Manifest implements Cargo {
  readonly callables: [unknown, string][] = []
  readonly objects: [unknown, string][] = []

  constructor(readonly first = 0) {}

  tensor = () => 0
  callable: NonNullable<Cargo['callable']> = (value, where) =>
    this.first + this.callables.push([value, where.path()]) - 1

  object: NonNullable<Cargo['object']> = (value, where) =>
    this.first + this.objects.push([value, where.path()]) - 1
}

const hex = (value: unknown, cargo: Cargo = new Manifest()) =>
  Buffer.from(encodeValue(value, 'result', cargo)).toString('hex')
const remote = () => Object.create({ [objectMark]: true }) as object

t.test('a function is extension 3, an object 4, an iterator 5; the id is big-endian', async t => {
  t.equal(
    hex(() => 0, new Manifest(0x01020304)),
    'd60301020304',
  )
  t.equal(hex(remote(), new Manifest(0xfffffffe)), 'd604fffffffe')
  t.equal(hex([1].values(), new Manifest(7)), 'd60500000007')
  t.equal(hex(new Kept(() => 0), new Manifest(8)), 'd60300000008')
})

t.test('at any depth, in the order of the walk, and the cargo hears where', async t => {
  const cargo = new Manifest()
  const fn = () => 0
  async function* values() {
    yield 1
  }
  const kept = new Kept(fn)
  const object = remote()
  const iterator = values()
  encodeCall(
    { object: 3, name: 'step' },
    [fn, { on: { data: [kept, fn] } }, object],
    { source: iterator, sim: object },
    undefined,
    cargo,
  )
  t.strictSame(
    cargo.callables.map(([, path]) => path),
    ['args[0]', 'args[1].on.data[0]', 'args[1].on.data[1]', 'kwargs.source'],
  )
  t.equal(cargo.callables[1]?.[0], kept)
  t.equal(cargo.callables[3]?.[0], iterator)
  t.strictSame(
    cargo.objects.map(([, path]) => path),
    ['args[2]', 'kwargs.sim'],
  )
})

t.test('functions of every kind, classes and methods', async t => {
  class Listener {
    hear() {}
    static made() {}
  }
  const kinds = [
    () => {},
    async () => {},
    function* () {},
    async function* () {},
    Listener,
    Listener.made,
    new Listener().hear,
    Math.max,
    (() => {}).bind(null),
    new Proxy(() => {}, {}),
  ]
  for (const fn of kinds) t.match(hex(fn), /^d603/, String(fn))
})

t.test('what can be iterated, and is not a value of another kind, is an iterator', async t => {
  class Walk {
    *[Symbol.iterator]() {
      yield 1
    }
  }
  const iterables = {
    generator: (function* () {})(),
    'async generator': (async function* () {})(),
    'iterator of a list': [1].values(),
    'iterator of a Map': new Map().entries(),
    'Node stream': Readable.from(['a']),
    'instance of a class': new Walk(),
    'plain object with an iterator': { [Symbol.iterator]: () => [1].values() },
    'plain object with an async iterator': { [Symbol.asyncIterator]: () => ({}) },
    'object without prototype': Object.assign(Object.create(null), {
      [Symbol.iterator]: () => [1].values(),
    }),
  }
  for (const [kind, iterable] of Object.entries(iterables)) t.match(hex(iterable), /^d605/, kind)
  t.equal(hex([1]), '9101', 'a list is a list')
  t.equal(hex('a'), 'a161', 'a text is a text')
  t.equal(hex(new Map([['a', 1]])), '81a16101', 'a Map is a map')
  t.match(hex(new Uint8Array(1)), /^d601/, 'a typed array is a tensor')
  t.throws(() => hex(new Set([1])), { code: 'ERR_VALUE', message: /pass \[\.\.\.set\]/ })
  t.throws(() => hex(new String('a')), { code: 'ERR_VALUE', message: /valueOf/ })
})

t.test('without a cargo for them they are refused, with their path', async t => {
  const cargo = { tensor: () => 0 }
  for (const value of [() => 0, [1].values(), new Kept(() => 0), remote()]) {
    const refused = () => encodeValue({ a: [value] }, 'result', cargo)
    t.throws(refused, { code: 'ERR_VALUE', path: 'result.a[0]' })
    t.throws(refused, ValueTypeError)
  }
})

t.test('what the cargo throws comes out as it is', async t => {
  const error = new RangeError('no room')
  const cargo: Cargo = {
    tensor: () => 0,
    callable: () => {
      throw error
    },
  }
  t.throws(() => encodeValue([() => 0], 'result', cargo), error)
  t.equal(hex(1), '01', 'and the next one is not disturbed')
})

t.test('options follow the arguments, with nil for keywords that are not there', async t => {
  const cargo = new Manifest()
  const call = (kwargs?: Record<string, unknown>, options?: object) =>
    decodeValue(encodeCall({ object: 9, name: 'step' }, [1], kwargs, options, cargo), [])
  t.strictSame(call(), [[9, 'step'], [1]])
  t.strictSame(call({ a: 2 }), [[9, 'step'], [1], { a: 2 }])
  t.strictSame(call(undefined, { window: 4 }), [[9, 'step'], [1], null, { window: 4 }])
  t.strictSame(call({ a: 2 }, { window: 4 }), [[9, 'step'], [1], { a: 2 }, { window: 4 }])
})

t.test('what comes back is what went', async t => {
  const fn = () => 0
  const object = remote()
  const known = (extension: number, id: number) =>
    extension === 3 && id === 5 ? fn : extension === 4 && id === 6 ? object : undefined
  const decode = (text: string) => {
    const bytes = Buffer.from(text, 'hex')
    return decodeValue(bytes, [], 0, bytes.length, known)
  }
  t.equal(decode('d60300000005'), fn)
  t.equal((decode('81a161d60400000006') as { a: unknown }).a, object)
  t.throws(() => decode('d60300000006'), { code: 'ERR_VALUE', message: /function.*given up/ })
  t.throws(() => decode('d60400000005'), { code: 'ERR_VALUE', message: /object.*given up/ })
  t.throws(() => decodeValue(Buffer.from('d60300000005', 'hex'), []), { code: 'ERR_VALUE' })
})

t.test('an iterator never comes back, and an id has four bytes', async t => {
  for (const wrong of ['d60500000001', 'd50300000001', 'd40301', 'd7030000000000000001', 'c70004'])
    t.throws(
      () => decodeValue(Buffer.from(wrong, 'hex'), [], 0, wrong.length / 2, () => 'known'),
      { code: 'ERR_PROTOCOL' },
      wrong,
    )
})

t.test('ids of every size survive', async t => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), id => {
      const bytes = encodeValue(() => 0, 'result', new Manifest(id))
      const seen = decodeValue(bytes, [], 0, bytes.length, (extension, id) => [extension, id])
      return Array.isArray(seen) && seen[0] === 3 && seen[1] === id
    }),
  )
  t.pass()
})

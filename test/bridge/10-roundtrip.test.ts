// Every row of docs/values.md, with a real worker on the other side.
import { createContext, runInContext } from 'node:vm'
import { kwargs, Tensor } from 'isthmus'
import t from 'tap'
import { spawned } from './spawned.js'

const py = await spawned(t, 'values.py')

t.test(
  'each row: what TypeScript sends is of the Python type in the table, and comes back',
  async t => {
    const date = new Date('2024-02-29T12:34:56.789Z')
    const rows: [string, unknown, string, string, unknown][] = [
      ['null', null, 'NoneType', 'None', null],
      ['undefined', undefined, 'NoneType', 'None', null],
      ['true', true, 'bool', 'True', true],
      ['false', false, 'bool', 'False', false],
      ['0', 0, 'int', '0', 0],
      ['a safe integer', -(2 ** 53 - 1), 'int', '-9007199254740991', -9007199254740991],
      ['3.0', 3.0, 'int', '3', 3],
      ['2^53, not safe', 2 ** 53, 'float', '9007199254740992.0', 2 ** 53],
      ['a fraction', 0.1, 'float', '0.1', 0.1],
      ['-0', -0, 'float', '-0.0', -0],
      ['NaN', Number.NaN, 'float', 'nan', Number.NaN],
      ['-Infinity', -Infinity, 'float', '-inf', -Infinity],
      ['the smallest double', 5e-324, 'float', '5e-324', 5e-324],
      ['a small bigint', 5n, 'int', '5', 5],
      ['2^53 as bigint', 2n ** 53n, 'int', '9007199254740992', 2n ** 53n],
      ['2^64 - 1', 2n ** 64n - 1n, 'int', '18446744073709551615', 2n ** 64n - 1n],
      ['-2^63', -(2n ** 63n), 'int', '-9223372036854775808', -(2n ** 63n)],
      ['2^64, beyond MessagePack', 2n ** 64n, 'int', '18446744073709551616', 2n ** 64n],
      ['-2^63 - 1', -(2n ** 63n) - 1n, 'int', '-9223372036854775809', -(2n ** 63n) - 1n],
      ['the empty string', '', 'str', "''", ''],
      ['a string', 'ä€😀\0', 'str', "'ä€😀\\x00'", 'ä€😀\0'],
      ['Buffer', Buffer.from([0, 255]), 'bytes', "b'\\x00\\xff'", Buffer.from([0, 255])],
      ['ArrayBuffer', new Uint8Array([1]).buffer, 'bytes', "b'\\x01'", Buffer.from([1])],
      ['an empty Buffer', Buffer.alloc(0), 'bytes', "b''", Buffer.alloc(0)],
      [
        'Date',
        date,
        'datetime',
        'datetime.datetime(2024, 2, 29, 12, 34, 56, 789000, tzinfo=datetime.timezone.utc)',
        date,
      ],
      [
        'a Date before 1970',
        new Date(-1),
        'datetime',
        'datetime.datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=datetime.timezone.utc)',
        new Date(-1),
      ],
      ['an empty array', [], 'list', '[]', []],
      [
        'an array with a hole',
        Object.assign([1], { 2: 'x' }),
        'list',
        "[1, None, 'x']",
        [1, null, 'x'],
      ],
      ['a plain object', { b: 1, a: undefined }, 'dict', "{'b': 1, 'a': None}", { b: 1, a: null }],
      ['a Map', new Map([['k', [2]]]), 'dict', "{'k': [2]}", { k: [2] }],
      ['a Map with number keys', new Map([[1, 'x']]), 'dict', "{1: 'x'}", { 1: 'x' }],
      [
        'an object of another realm',
        runInContext('({ a: [1] })', createContext()),
        'dict',
        "{'a': [1]}",
        { a: [1] },
      ],
    ]
    for (const [name, value, kind, literal, back] of rows) {
      t.equal(await py.call('kind', value), kind, `${name} is a ${kind}`)
      t.equal(await py.call('literal', value), literal, `${name} is ${literal}`)
      const echoed = await py.call('echo', value)
      t.ok(Object.is(echoed, back) || typeof back === 'object', `${name} comes back`)
      t.strictSame(echoed, back, `${name} comes back the same`)
    }
  },
)

t.test('each row of what Python sends by itself arrives as the table says', async t => {
  const rows: [string, unknown][] = [
    ['tuple', [1, [2, 'x']]],
    ['set', [7]],
    ['frozenset', [8]],
    ['bytearray', Buffer.from('ab\0')],
    ['memoryview', Buffer.from([0x63, 0x64, 0xff])],
    ['int keys', { 1: 'a', '-2': 'b' }],
    ['numpy bool', true],
    ['numpy int8', -5],
    ['numpy int64', 2n ** 62n],
    ['numpy uint64', 2n ** 64n - 1n],
    ['numpy float32', 0.5],
    ['numpy float64', Number.NaN],
    ['naive datetime', '2024-02-29T12:30:01'],
    ['aware datetime', new Date('2024-02-29T10:00:00.005Z')],
    ['date', '2024-02-29'],
    ['time', '23:59:01'],
    ['Decimal', '1.10'],
    ['UUID', '12345678-1234-5678-1234-567812345678'],
    ['Enum', 'red'],
    ['IntEnum', 3],
    ['dataclass', { x: 1, y: [null] }],
    ['Struct', { name: 'earth', mass: 5.97 }],
    ['TypedDict', { depth: 4 }],
    ['numpy in a list', [1.5, { n: 2 }]],
    ['big int', -(2n ** 100n)],
    ['2**53', 2n ** 53n],
    ['2**53 - 1', 2 ** 53 - 1],
    ['2**63', 2n ** 63n],
  ]
  for (const [name, expected] of rows) t.strictSame(await py.call('made', name), expected, name)
})

t.test('a dict keeps its order, and __proto__ is a key like any other', async t => {
  const made = (await py.call('made', 'nested dict')) as { z: number; a: object }
  t.strictSame(Object.keys(made), ['z', 'a'])
  t.strictSame(Object.entries(made.a), [['__proto__', 2]])
  t.equal(Object.getPrototypeOf(made.a), Object.prototype)
})

t.test('complex numbers and numpy times arrive as 0-d tensors', async t => {
  const tensor = async (name: string) => {
    const made = await py.call('made', name)
    if (!(made instanceof Tensor)) throw new Error(`${name} is not a Tensor`)
    t.strictSame(made.shape, [], name)
    return made
  }
  const complex = await tensor('complex')
  t.equal(complex.dtype, 'complex128')
  t.strictSame(complex.at(), [1, -2])
  const complex64 = await tensor('numpy complex64')
  t.equal(complex64.dtype, 'complex64')
  t.strictSame(complex64.at(), [3, 4])
  const day = await tensor('datetime64')
  t.equal(day.dtype, 'datetime64[D]')
  t.equal(day.at(), BigInt(Date.parse('2024-02-29') / 86_400_000))
  const span = await tensor('timedelta64')
  t.equal(span.dtype, 'timedelta64[s]')
  t.equal(span.at(), -90n)
})

t.test('what has __array__ arrives as a tensor, copied once', async t => {
  const before = py.stats().copiedBytes
  const made = (await py.call('made', '__array__')) as Tensor
  t.ok(made instanceof Tensor)
  t.equal(made.dtype, 'int16')
  t.strictSame(made.data, new Int16Array([0, 1, 2]))
  t.equal(py.stats().copiedBytes - before, 6)
})

t.test('a result shares nothing with what it is decoded from', async t => {
  const first = (await py.call('echo', Buffer.from('first'))) as Buffer
  await py.call('echo', Buffer.from('other'))
  t.equal(first.toString(), 'first')
})

t.test('arguments are positional, and kwargs() adds keywords', async t => {
  t.strictSame(await py.call('echo_all'), [[], {}])
  t.strictSame(await py.call('echo_all', 1, 'b', null), [[1, 'b', null], {}])
  t.strictSame(await py.call('echo_all', 1, kwargs({ a: 2, b: [3] })), [[1], { a: 2, b: [3] }])
  t.strictSame(await py.call('echo_all', kwargs({})), [[], {}])
  t.equal(await py.call('echo', kwargs({ value: 'by name' })), 'by name')
  t.strictSame(await py.call('echo_all', { a: 1 }), [[{ a: 1 }], {}], 'an object is no keywords')
})

t.test('fn calls by property, and is no promise', async t => {
  t.equal(await py.fn.echo!('x'), 'x')
  t.strictSame(await py.fn.echo_all!(1, kwargs({ k: 2 })), [[1], { k: 2 }])
  t.equal((py.fn as { then?: unknown }).then, undefined)
  t.equal(await Promise.resolve(py.fn), py.fn)
  t.equal(py.fn.echo, py.fn.echo)
})

t.test('1,000 calls at once run and resolve in the order of the calls', async t => {
  const resolved: number[] = []
  const calls = Array.from({ length: 1000 }, async (_, number) => {
    resolved.push((await py.call('sequence', number)) as number)
  })
  t.equal(py.stats().pending, 1000)
  await Promise.all(calls)
  t.strictSame(
    resolved,
    Array.from({ length: 1000 }, (_, number) => number),
  )
  t.equal(py.stats().pending, 0)
})

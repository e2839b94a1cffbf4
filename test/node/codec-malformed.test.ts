import { constants } from 'node:buffer'
import fc from 'fast-check'
import t from 'tap'
import { decodeValue, encodeValue } from '#src/codec.js'
import { ProtocolError, ValueTypeError } from '#src/errors.js'

const decode = (hex: string, tensors: unknown[] = []) =>
  decodeValue(Buffer.from(hex, 'hex'), tensors)

t.test('malformed MessagePack is a ProtocolError', async t => {
  const cases = {
    'nothing at all': '',
    'the byte that has no meaning': 'c1',
    'bytes after the value': '0505',
    'a list that ends early': '9305',
    'a list of four thousand million values': 'ddffffffff',
    'a map of four thousand million values': 'dfffffffff',
    'lists of thirty million values, in one another': 'dd01ffffff'.repeat(400),
    'a text that ends early': 'a3ff',
    'a text of four thousand million bytes': 'dbffffffff41',
    'bytes that end early': 'c40901',
    'a float that ends early': 'cb00',
    'an integer that ends early': 'cd01',
    'an unknown extension': 'd40500',
    "msgpackr's record definition": 'd4724091a161',
    'a tensor that is not there': 'd60100000001',
    'a tensor index of one byte': 'd40100',
    'a timestamp of one byte': 'd4ff00',
    'a timestamp with too many nanoseconds': 'd7ffffffffff00000000',
    'a timestamp outside of what a Date can hold': 'c70cff000000007fffffffffffffff',
  }
  for (const [name, hex] of Object.entries(cases))
    t.throws(() => decode(hex, ['the only tensor']), ProtocolError, name)
})

t.test('what is valid but has no place in JavaScript is a ValueTypeError', async t => {
  t.throws(() => decode('819101c0'), ValueTypeError, 'a list as key')
  t.throws(() => decode(`${'91'.repeat(501)}c0`), { path: 'result', message: /500 levels/ })
  t.throws(() => decode('91'.repeat(100_000)), { code: 'ERR_VALUE' })
})

t.test('what no JavaScript engine can hold is a ValueTypeError', async t => {
  // Lengths as a worker may send them: everything of a message that is not a tensor has up to 1 GiB.
  const long = (token: number, length: number, type: number[] = []) => {
    const bytes = Buffer.alloc(5 + type.length + length)
    bytes[0] = token
    bytes.writeUInt32BE(length, 1)
    bytes.set(type, 5)
    return bytes
  }
  const refused = (bytes: Buffer, message: RegExp) =>
    t.throws(() => decodeValue(bytes, []), { code: 'ERR_VALUE', message })
  const integer = long(0xc9, 2 ** 27 + 1, [2])
  integer[6] = 1
  refused(integer, /integer of 134217729 bytes/)
  refused(long(0xdb, constants.MAX_STRING_LENGTH + 1), /text of \d+ bytes/)
})

t.test('keys that are numbers, booleans or None become property names', async t => {
  t.strictSame(decode('84' + '0101' + 'c302' + 'c003' + 'cb3ff800000000000004'), {
    1: 1,
    true: 2,
    null: 3,
    1.5: 4,
  })
})

t.test('64-bit integers are numbers as long as they are exact', async t => {
  t.equal(decode('cf001fffffffffffff'), 2 ** 53 - 1)
  t.equal(decode('cf0020000000000000'), 2n ** 53n)
  t.equal(decode('cfffffffffffffffff'), 2n ** 64n - 1n)
  t.equal(decode('d3ffe0000000000001'), -(2 ** 53) + 1)
  t.equal(decode('d3ffe0000000000000'), -(2n ** 53n))
  t.equal(decode('d38000000000000000'), -(2n ** 63n))
  t.equal(decode('c70002'), 0)
  t.equal(decode('c7030200ff00'), 65280)
})

t.test(
  'random bytes and damaged payloads give a value or a typed error, and harm no later call',
  async t => {
    const good = encodeValue({ a: [1, 'text', 2.5], b: Buffer.from('x') }, 'v', { tensor: () => 0 })
    const survives = (bytes: Uint8Array) => {
      try {
        decodeValue(bytes, ['tensor'])
      } catch (error) {
        if (!(error instanceof ProtocolError) && !(error instanceof ValueTypeError)) throw error
      }
      return JSON.stringify(decodeValue(good, [])).startsWith('{"a":[1,"text",2.5]')
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), survives), { numRuns: 3000 })
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
        const damaged = good.slice()
        damaged[at] = byte
        return survives(damaged)
      }),
      { numRuns: 2000 },
    )
    t.pass()
  },
)

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { Packr } from 'msgpackr/pack'
import { Unpackr } from 'msgpackr/unpack'
import t from 'tap'
import { decodeValue, encodeValue } from '#src/codec.js'

const text = fc.string({ unit: 'binary', maxLength: 50 })
const date = fc.date({
  min: new Date('0001-01-01'),
  max: new Date('9999-12-31'),
  noInvalidDate: true,
})
const bytes = fc.uint8Array({ maxLength: 300 }).map(array => Buffer.from(array))
const bigint = fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n })
const integer = fc.maxSafeInteger()

const { value } = fc.letrec(tie => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constantFrom(null, true, false, -0),
    integer,
    fc.double(),
    bigint,
    text,
    bytes,
    date,
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(fc.oneof(text, fc.constantFrom('__proto__', 'toString')), tie('value'), {
      maxKeys: 20,
    }),
  ),
}))

const encode = (given: unknown) => encodeValue(given, 'value', { tensor: () => 0 })

/** What the table in docs/values.md makes of a value that goes to Python and back. */
function expected(given: unknown): unknown {
  if (typeof given === 'bigint') return Number.isSafeInteger(Number(given)) ? Number(given) : given
  if (Array.isArray(given)) return given.map(expected)
  if (
    typeof given !== 'object' ||
    given === null ||
    Buffer.isBuffer(given) ||
    given instanceof Date
  )
    return given
  const entries = Object.keys(given).map(key => [
    key,
    expected((given as Record<string, unknown>)[key]),
  ])
  return Object.fromEntries(entries)
}

const plain = (given: object): object => Object.fromEntries(Object.entries(given))

function same(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null)
    return Object.is(a, b)
  if (Buffer.isBuffer(a)) return Buffer.isBuffer(b) && a.equals(b)
  if (a instanceof Date) return b instanceof Date && a.getTime() === b.getTime()
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const keys = Object.keys(a)
  const [x, y] = [plain(a), plain(b)] as Record<string, unknown>[]
  return (
    keys.length === Object.keys(b).length &&
    keys.every(key => Object.hasOwn(b, key) && same(x![key], y![key]))
  )
}

t.test('what is encoded decodes to what the table says', async t => {
  fc.assert(
    fc.property(value, given => same(decodeValue(encode(given), []), expected(given))),
    { numRuns: 2000 },
  )
  t.pass()
})

t.test('msgpackr reads what is written here, and is read here', async t => {
  const theirs = new Packr({ useRecords: false, encodeUndefinedAsNil: true })
  const reader = new Unpackr({ useRecords: false, int64AsType: 'bigint', copyBuffers: true })
  const common = fc.oneof(
    fc.integer(),
    fc.double().filter(n => !Object.is(n, -0) && !Number.isSafeInteger(n)),
    text,
    date,
  )
  const document = fc.dictionary(
    fc.string().filter(key => key !== '__proto__'),
    fc.array(common),
  )
  fc.assert(
    fc.property(
      document,
      given =>
        same(decodeValue(theirs.pack(given), []), given) &&
        same(reader.unpack(encode(given)), given),
    ),
    { numRuns: 500 },
  )
  t.pass()
})

const venv = fileURLToPath(new URL('../../../../.venv/bin/python', import.meta.url))
const python = process.env.ISTHMUS_PYTHON ?? venv

t.test(
  'values survive the way through Python',
  { skip: !existsSync(python) && 'no .venv' },
  async t => {
    const script = fileURLToPath(new URL('./msgpack_echo.py', import.meta.url))
    const child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'inherit'] })
    t.teardown(() => child.kill())
    const exited = once(child, 'exit')
    const echo = async (given: unknown): Promise<[string, unknown]> => {
      const payload = encode(given)
      const header = Buffer.alloc(4)
      header.writeUInt32BE(payload.length)
      child.stdin.write(Buffer.concat([header, payload]))
      let answer = Buffer.alloc(0)
      const whole = () =>
        answer.length >= 8 && answer.length >= 8 + answer.readUInt32BE(0) + answer.readUInt32BE(4)
      while (!whole()) {
        const chunk = child.stdout.read() as Buffer | null
        if (chunk !== null) answer = Buffer.concat([answer, chunk])
        else if (child.stdout.readableEnded || child.exitCode !== null)
          throw new Error(`the echo has ended with ${child.exitCode}`)
        else await Promise.race([once(child.stdout, 'readable'), exited])
      }
      const kind = answer.subarray(8, 8 + answer.readUInt32BE(0)).toString()
      return [kind, decodeValue(answer.subarray(8 + kind.length), [])]
    }

    const types: [unknown, string][] = [
      [3, 'int'],
      [2 ** 40, 'int'],
      [-(2 ** 53) + 1, 'int'],
      [2n ** 100n, 'int'],
      [-(2n ** 63n), 'int'],
      [2 ** 53, 'float'],
      [-0, 'float'],
      [0.5, 'float'],
      [true, 'bool'],
      [null, 'NoneType'],
      [undefined, 'NoneType'],
      ['é', 'str'],
      [Buffer.from('x'), 'bytes'],
      [new Date(), 'datetime'],
      [[1], 'list'],
      [{ a: 1 }, 'dict'],
      [new Map([[1, 2]]), 'dict'],
    ]
    for (const [given, kind] of types) t.equal((await echo(given))[0], kind, String(given))

    let deep: unknown = 1
    for (let i = 0; i < 498; i++) deep = [deep]
    t.strictSame((await echo(deep))[1], deep, 'the deepest nesting that a call can have')

    await fc.assert(
      fc.asyncProperty(value, async given => same((await echo(given))[1], expected(given))),
      { numRuns: 500 },
    )
  },
)

// What Python is told of something that JavaScript threw.
import { inspect } from 'node:util'
import t from 'tap'
import { encodeValue } from '#src/codec.js'
import { CallbackEndedError, ValueTypeError } from '#src/errors.js'
import { fromPython } from '#src/from-python.js'
import { errorToPython } from '#src/to-python.js'

const noPlace = { tensor: () => 0 }
/** It can always be sent. */
function told(thrown: unknown) {
  const map = errorToPython(thrown)
  encodeValue(map, 'error', noPlace)
  return map as Record<string, unknown> & { cause: Record<string, unknown> | null }
}

t.test('an error: its name, message, stack and code', async t => {
  const error = Object.assign(new RangeError('too far'), { code: 'E_FAR' })
  const map = told(error)
  t.match(map, { type: 'RangeError', message: 'too far', code: 'E_FAR', cause: null, notes: [] })
  t.equal(map.traceback, error.stack)
})

t.test("errors of Isthmus keep their code; a code that is no string is nobody's", async t => {
  t.match(told(new CallbackEndedError()), {
    type: 'CallbackEndedError',
    code: 'ERR_CALLBACK_ENDED',
  })
  t.match(told(new ValueTypeError('result is a symbol', 'result')), { code: 'ERR_VALUE' })
  t.equal(told(Object.assign(new Error(), { code: 5 })).code, null)
})

t.test('causes are told, also those that are no errors', async t => {
  const error = new Error('outer', { cause: new TypeError('middle', { cause: 'inner' }) })
  t.match(told(error), {
    message: 'outer',
    cause: { type: 'TypeError', cause: { type: 'string', message: 'inner', cause: null } },
  })
  t.equal(told(new Error('x', { cause: undefined })).cause, null)
})

t.test('an endless chain of causes is cut', async t => {
  const error = new Error('again')
  error.cause = error
  let depth = 0
  for (let at = told(error); at.cause !== null; at = at.cause as typeof at) depth++
  t.equal(depth, 16)
})

t.test('things that are no errors', async t => {
  const cases: [unknown, string, RegExp][] = [
    ['text', 'string', /^text$/],
    [undefined, 'undefined', /^undefined$/],
    [null, 'object', /^null$/],
    [42n, 'bigint', /^42n$/],
    [Symbol('s'), 'symbol', /^Symbol\(s\)$/],
    [{ a: 1 }, 'object', /^\{ a: 1 \}$/],
    [Object.create(null), 'object', /prototype/],
  ]
  for (const [thrown, type, message] of cases) {
    const map = told(thrown)
    t.equal(map.type, type)
    t.match(map.message, message)
  }
})

t.test('texts that are no texts, too long, or not Unicode', async t => {
  const strange = Object.assign(new Error('\ud800!'), { name: 5 as unknown as string })
  t.match(told(strange), { type: '', message: '\ufffd!' })
  const long = told(new Error('x'.repeat(1_000_000)))
  t.ok((long.message as string).length <= 64 * 1024 + 1)
  t.ok((long.message as string).endsWith('…'))
  t.match(told(Object.assign(new Error('m'), { stack: undefined })), { traceback: '' })
})

t.test('errors that throw when they are looked at are still told', async t => {
  const boom = () => {
    throw new Error('boom')
  }
  const withGetter = (key: string) => Object.defineProperty(new Error('m'), key, { get: boom })
  for (const thrown of [
    withGetter('message'),
    withGetter('stack'),
    withGetter('name'),
    withGetter('cause'),
    withGetter('code'),
    { [inspect.custom]: boom },
    new Proxy({}, { get: boom, getPrototypeOf: boom, ownKeys: boom }),
    new Error('outer', { cause: { [inspect.custom]: boom } }),
  ])
    t.doesNotThrow(() => told(thrown))
})

t.test('there and back: an error of JavaScript that Python passes on has its words', async t => {
  const back = fromPython(told(new Error('there', { cause: new Error('deep') })))
  t.match(back, { code: 'ERR_PYTHON', pythonMessage: 'there', cause: { pythonMessage: 'deep' } })
})

// What a program of the user's can get wrong on the TypeScript side. Codes are literal: they never change.
import { runInNewContext } from 'node:vm'
import { kwargs, spawn, type Tensor } from 'isthmus'
import t from 'tap'
import { rejection, spawned } from './spawned.js'

const py = await spawned(t, 'failing.py')

t.test('values that cannot cross are refused before anything is sent, with their path', async t => {
  const cyclic: unknown[] = []
  cyclic.push([cyclic])
  const values: [string, unknown, RegExp][] = [
    ['a symbol', Symbol('s'), /symbol/],
    ['a class instance', new (class Body {})(), /instance of Body/],
    ['a Set', new Set([1]), /Set; pass \[\.\.\.set\]/],
    ['a cycle', cyclic, /cycle/],
    ['a promise', Promise.resolve(1), /await it/],
    ['an Error', new Error('x'), /Error; pass its message/],
    ['an invalid Date', new Date(Number.NaN), /invalid Date/],
    ['a Date of the year 10000', new Date('+010000-01-01'), /1 to 9999/],
    ['a lone surrogate', '\ud800', /surrogate/],
    ['a RegExp', /x/, /RegExp/],
    ['a WeakMap', new WeakMap(), /WeakMap/],
    ['a DataView', new DataView(new ArrayBuffer(1)), /DataView/],
    ['a SharedArrayBuffer', new SharedArrayBuffer(1), /SharedArrayBuffer/],
    ['a String object', Object('x'), /valueOf/],
    ['a Map with object keys', new Map([[{}, 1]]), /key/],
    ['a Set of another realm', runInNewContext('new Set()'), /Set/],
    ['kwargs that are not last', kwargs({}), /./],
  ]
  const { calls } = py.stats()
  for (const [name, value, message] of values) {
    const suffix = name === 'a cycle' || name.startsWith('a Map') ? /^args\[1\].*/ : 'args[1]'
    const plain = await rejection(py.call('fine', 0, value, 0))
    t.match(plain, { name: 'ValueTypeError', code: 'ERR_VALUE', message, path: suffix }, name)
    t.ok(plain instanceof TypeError)
    const nested = await rejection<Error & { path: string }>(
      py.call('fine', { opts: { 'the mask': [value] } }),
    )
    t.match(nested, { code: 'ERR_VALUE', message }, `${name}, nested`)
    t.ok(nested.path.startsWith('args[0].opts["the mask"]'), nested.path)
    const keyword = await rejection<Error & { path: string }>(py.call('fine', kwargs({ m: value })))
    t.ok(keyword.path.startsWith('kwargs.m'), keyword.path)
  }
  t.equal(py.stats().calls, calls)
  t.equal(py.stats().ownBlocks, 0)
})

t.test('a refused value after a typed array leaves no memory in use', async t => {
  await rejection(py.call('fine', new Float64Array(1000), () => 1))
  t.equal(py.stats().ownBlocks, 0)
})

t.test('values nested too deeply are refused, on either side', async t => {
  let deep: unknown = 1
  for (let level = 0; level < 5000; level++) deep = [deep]
  t.match(await rejection(py.call('fine', deep)), { code: 'ERR_VALUE', message: /nested|deep/ })
  const source = 'def f(n):\n    v = 1\n    for _ in range(n): v = [v]\n    return v\n'
  const other = await spawned(t, { source })
  t.match(await rejection(other.call('f', 5000)), { code: 'ERR_VALUE' })
  t.strictSame(await other.call('f', 2), [[1]])
})

t.test('what getters and toJSON of an argument throw is what call() rejects with', async t => {
  const failing = {
    get x() {
      throw new RangeError('mine')
    },
  }
  t.match(await rejection(py.call('fine', failing)), { message: 'mine' })
  t.equal(await py.call('fine', 2), 2)
})

t.test('shapes: negative, fractional and huge ones are refused', async t => {
  const wrong: unknown[] = [
    [-1],
    [1.5],
    [Number.NaN],
    [Infinity],
    [2 ** 53],
    [2 ** 31, 2 ** 31],
    ['3'],
    [3n],
    [null],
    5,
    '3',
    null,
    undefined,
    { 0: 1, length: 1 },
  ]
  for (const shape of wrong)
    t.throws(
      () => py.tensor('float32', shape as number[]),
      { name: 'ShapeError', code: 'ERR_SHAPE' },
      JSON.stringify(shape, (_, v) => (typeof v === 'bigint' ? `${v}n` : v)),
    )
  t.throws(() => py.tensor('float32', [2 ** 45]), { code: /^ERR_(SHAPE|ARENA_FULL)$/ })
  t.throws(() => py.tensor('int8', [2 ** 40]), { code: /^ERR_(SHAPE|ARENA_FULL)$/ })
  t.equal(py.stats().ownBlocks, 0)
})

t.test('dtypes: an unknown one says what was meant', async t => {
  for (const [dtype, message] of [
    ['float', /did you mean 'float64'/],
    ['flaot32', /did you mean 'float32'/],
    ['i8', /did you mean 'int64'/],
    ['object', /only numbers, booleans and times/],
    ['<U3', /./],
    ['datetime64[fortnight]', /./],
    [5, /a dtype is a string/],
    [undefined, /a dtype is a string/],
    ['toString', /unknown dtype/],
  ] as const)
    t.throws(
      () => py.tensor(dtype as 'float32', [1]),
      { name: 'DTypeError', code: 'ERR_DTYPE', message },
      String(dtype),
    )
})

t.test('tensor.from refuses what does not fit', async t => {
  const { from } = py.tensor
  t.throws(() => from([[1, 2], [3]]), { code: 'ERR_SHAPE', message: /rows must be alike/ })
  t.throws(() => from([1, 2, 3], { shape: [2, 2] }), { code: 'ERR_SHAPE' })
  t.throws(() => from(['a']), { code: 'ERR_DTYPE' })
  t.throws(() => from([1, null]), { code: 'ERR_DTYPE' })
  t.throws(() => from([1.5], { dtype: 'int64' }), { code: 'ERR_DTYPE' })
  t.throws(() => from([1n], { dtype: 'float64' }), { code: 'ERR_DTYPE' })
  t.throws(() => from([1], { dtype: 'complex64' }), { code: 'ERR_DTYPE' })
  t.throws(() => from(new Float32Array(2), { dtype: 'float64' }), { code: 'ERR_DTYPE' })
  t.throws(() => from(new Float32Array(3), { dtype: 'complex64' }), { code: /ERR_(SHAPE|DTYPE)/ })
  t.equal(py.stats().ownBlocks, 0, 'and nothing of it is left')
})

t.test('options: an unknown one says which was meant, a wrong value what it may be', async t => {
  const wrong: [object, RegExp][] = [
    [{ timout: 5 }, /no option 'timout'; did you mean 'timeout'/],
    [{ timeout: -1 }, /'timeout' of spawn\(\) is milliseconds/],
    [{ stdout: 'pipe' }, /'inherit', 'ignore' or 'events'/],
    [{ ringBytes: 5000 }, /power of two/],
    [{ window: 0 }, /whole number from 1/],
    [{ maxQueue: -1 }, /whole number/],
    [{ memory: 'lots' }, /512MiB/],
    [{ memory: 0 }, /bytes from 4096/],
    [{ env: { A: 1 } }, /strings/],
    [{ spin: -1 }, /microseconds/],
    [{ detach: 1 }, /true or false/],
    [{ python: '' }, /non-empty/],
  ]
  for (const [options, message] of wrong)
    t.match(await rejection(spawn({ module: 'math' }, options)), {
      name: 'OptionError',
      code: 'ERR_OPTION',
      message,
    })
  t.throws(() => py.with({ timeot: 5 } as object), { code: 'ERR_OPTION', message: /'timeout'/ })
  t.throws(() => py.with({ signal: {} } as object), { code: 'ERR_OPTION', message: /AbortSignal/ })
  for (const target of [undefined, null, 5, {}, { modul: 'x' }, { module: 5 }])
    t.equal((await rejection(spawn(target as unknown as string))).code, 'ERR_OPTION')
})

t.test('a tensor: dispose twice, use after dispose, in every way of using it', async t => {
  for (const giveUp of ['dispose', 'release'] as const) {
    const tensor = py.tensor('float32', [4])
    const { data } = tensor
    tensor[giveUp]()
    t.equal(tensor.disposed, true)
    const disposed = { name: 'DisposedError', code: 'ERR_DISPOSED' }
    t.throws(() => tensor.dispose(), disposed)
    t.throws(() => tensor.release(), disposed)
    t.throws(() => tensor.data, disposed)
    t.throws(() => tensor.at(0), disposed)
    t.throws(() => tensor.reshape([2, 2]), disposed)
    t.throws(() => tensor.subarray(1), disposed)
    t.throws(() => tensor.copy(), disposed)
    t.match(await rejection(py.call('fine', tensor)), disposed)
    t.match(await rejection(py.call('fine', [{ a: tensor }])), disposed)
    t.doesNotThrow(() => tensor[Symbol.dispose](), 'using after dispose() is fine')
    t.equal(data.length, giveUp === 'dispose' ? 0 : 4, 'dispose() detaches, release() does not')
    t.match(tensor, { dtype: 'float32', shape: [4] }, 'what it was is still known')
  }
})

t.test('a tensor of another bridge is refused by its path', async t => {
  const other = await spawned(t, 'failing.py')
  using tensor = other.tensor('float32', [4])
  const error = await rejection(py.call('fine', { deep: [tensor] }))
  t.match(error, { name: 'ForeignTensorError', code: 'ERR_FOREIGN_TENSOR' })
  t.match(error, { path: 'args[0].deep[0]' })
  using copy = py.tensor.from(tensor.data)
  const back = (await py.call('fine', copy)) as Tensor
  t.equal(back.size, 4)
  back.dispose()
})

// What can be called: a module that is installed, source text, dotted names, builtins and ufuncs.
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { kwargs, spawn, type Tensor } from 'isthmus'
import t from 'tap'
import { fixture, python, rejection, spawned } from './spawned.js'

t.test('spawn({ module: "numpy" }) just works', async t => {
  const np = await spawned(t, { module: 'numpy' })
  t.equal(await np.call('linalg.norm', new Float64Array([3, 4])), 5, 'a dotted name')
  t.equal(await np.fn.linalg!.norm!(new Float64Array([6, 8])), 10, 'as properties of fn')
  t.equal(await np.call('sqrt', 2), Math.SQRT2, 'a ufunc')
  t.equal(await np.call('dot', new Float64Array([1, 2]), new Float64Array([3, 4])), 11, 'a builtin')
  t.equal(await np.call('add.reduce', [1, 2, 3]), 6, 'a method of a ufunc')
  const sums = (await np.call(
    'sum',
    np.tensor.from([
      [1, 2],
      [3, 4],
    ]),
    kwargs({ axis: 0 }),
  )) as Tensor
  t.strictSame(sums.data, new Float64Array([4, 6]), 'keywords')
  const tuple = (await np.call('divmod', new Int32Array([7, 8]), 3)) as Tensor[]
  t.strictSame(
    tuple.map(part => [...(part.data as Int32Array)]),
    [
      [2, 2],
      [1, 2],
    ],
    'several results',
  )
})

t.test('spawn({ module: "math" }): a module of builtins', async t => {
  const math = await spawned(t, { module: 'math' })
  t.equal(await math.call('hypot', 3, 4), 5)
  t.equal(await math.call('factorial', 25), 15511210043330985984000000n)
  const error = await rejection(math.call('sqrt', -1))
  t.match(error, { code: 'ERR_PYTHON', type: 'ValueError' })
})

t.test('spawn({ source }) serves the text as a module', async t => {
  const py = await spawned(t, {
    source: 'import math\n\ndef area(r: float) -> float:\n    return math.pi * r * r\n',
    name: 'circles',
  })
  t.equal(await py.call('area', 2), Math.PI * 4)
})

t.test('spawn() takes a path and a file URL, and imports beside the file work', async t => {
  const url = fixture('neighbour.py')
  await using byPath = await spawn(fileURLToPath(url))
  t.equal(await byPath.call('answer'), 42)
  await using byUrl = await spawn(url, { cwd: '/' })
  t.equal(await byUrl.call('answer'), 42)
  await using relative = await spawn('neighbour.py', { cwd: fileURLToPath(new URL('.', url)) })
  t.equal(await relative.call('answer'), 42, 'relative to the option cwd')
  const source = { source: 'from os import getcwd' }
  await using elsewhere = await spawn(source, { cwd: tmpdir(), python })
  t.equal(await elsewhere.call('getcwd'), tmpdir(), 'cwd is that of the option')
})

t.test('only public functions are called: those of __all__, and no name with _', async t => {
  const py = await spawned(t, 'values.py')
  for (const name of ['_values', '_Point', '__all__', 'echo.__globals__', 'made._x', '_x.y', ''])
    t.equal((await rejection(py.call(name))).code, 'ERR_FUNCTION_NOT_FOUND', `'${name}'`)
  for (const name of ['np', 'dataclasses.asdict', 'np.sum'])
    t.equal(
      (await rejection(py.call(name))).code,
      'ERR_FUNCTION_NOT_FOUND',
      `${name}: not in __all__`,
    )
  t.equal(await py.call('kind', 1), 'int')
})

t.test(
  'without __all__ every public function is callable, methods of public objects too',
  async t => {
    const py = await spawned(t, 'public.py')
    t.equal(await py.call('plain'), 'plain')
    t.equal(await py.call('counter.add', 2), 2)
    t.equal(await py.call('counter.add', 3), 5)
    t.equal(await py.fn.counter!.add!(1), 6)
    t.match(await rejection(py.call('number')), { code: 'ERR_FUNCTION_NOT_FOUND' }, 'not callable')
    t.equal((await rejection(py.call('_hidden'))).code, 'ERR_FUNCTION_NOT_FOUND')
  },
)

t.test('async functions are awaited or refused, never returned as coroutines', async t => {
  const py = await spawned(t, { source: 'async def f():\n    return 5\n' })
  const outcome = await py.call('f').catch((error: Error & { code: string }) => error.code)
  t.ok(outcome === 5 || outcome === 'ERR_VALUE', String(outcome))
})

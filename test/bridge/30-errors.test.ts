// What Python raises, and calls that do not fit: each has its class, its code, and leaves a worker that goes on.
import { type FunctionNotFoundError, kwargs, type PythonError } from 'isthmus'
import t from 'tap'
import { fixture, rejection, spawned } from './spawned.js'

const py = await spawned(t, 'failing.py')
const { pathname: file } = fixture('failing.py')

/** The error of a call; afterwards the worker must be as good as before. */
async function failure<E extends Error = PythonError>(
  name: string,
  ...args: unknown[]
): Promise<E> {
  const error = await rejection<E>(py.call(name, ...args))
  t.equal(await py.call('fine', name), name, `the worker goes on after ${name}`)
  return error
}

t.test('an exception rejects with PythonError: type, message, traceback', async t => {
  const error = await failure('divide', 1, 0)
  t.match(error, {
    name: 'PythonError',
    code: 'ERR_PYTHON',
    type: 'ZeroDivisionError',
    pythonMessage: 'division by zero',
    message: 'ZeroDivisionError: division by zero',
    notes: [],
    cause: undefined,
  })
  const { traceback } = error
  t.match(traceback, /failing\.py", line \d+, in divide\n/, "the user's file and line")
  t.match(traceback, 'return a / b', "the line's text")
  t.notMatch(traceback, /isthmus\/(worker|dispatch)\.py/, 'no frames of ours')
  t.match(error.stack, /^PythonError: ZeroDivisionError: division by zero\n/)
  t.match(error.stack, /in Python: Traceback/)
  t.match(error.stack, /30-errors\.test\.[jt]s|calls\.[jt]s/, "JavaScript's part of the stack too")
})

t.test('the file named in a traceback is the one given to spawn()', async t => {
  const { traceback } = await failure('divide', 1, 0)
  t.ok(traceback.includes(`"${file}"`), traceback)
})

t.test('explicit causes are a chain of PythonErrors', async t => {
  const error = await failure('chained')
  t.match(error, { type: 'RuntimeError', pythonMessage: 'the whole failed' })
  t.match(error.cause, { name: 'PythonError', type: 'ValueError', pythonMessage: 'no such key' })
  const inner = (error.cause as PythonError).cause
  t.match(inner, { type: 'KeyError', pythonMessage: "'missing'" })
  t.match((inner as PythonError).traceback, 'in _deeper')
})

t.test('an exception raised while handling another has it as its cause', async t => {
  const error = await failure('while_handling')
  t.match(error, { type: 'ValueError' })
  t.match(error.cause, { type: 'KeyError' })
})

t.test('notes are part of the error', async t => {
  const error = await failure('noted')
  t.strictSame(error.notes, ['in row 7', "of table 'ä'"])
  t.equal(error.message, "ValueError: first line\nin row 7\nof table 'ä'")
})

t.test(
  "types carry their module unless they are builtins; a user's `code` is not ours",
  async t => {
    const custom = await failure('custom')
    t.match(custom, { code: 'ERR_PYTHON', type: /(^|\.)Custom$/, pythonMessage: 'special' })
    t.equal((await failure('numpy_error')).type, 'numpy.linalg.LinAlgError')
    t.match(await failure('empty'), {
      type: 'ValueError',
      message: 'ValueError',
      pythonMessage: '',
    })
  },
)

t.test('exceptions that are hard to describe are described', async t => {
  t.match(await failure('unprintable'), { code: 'ERR_PYTHON', type: /_Unprintable/ })
  t.match(await failure('lone_surrogate'), { code: 'ERR_PYTHON', type: 'ValueError' })
  t.match(await failure('recursive'), { code: 'ERR_PYTHON', type: 'RecursionError' })
})

t.test('KeyboardInterrupt and GeneratorExit in a call are exceptions of that call', async t => {
  t.match(await failure('interrupted'), { code: 'ERR_PYTHON', type: 'KeyboardInterrupt' })
  t.match(await failure('generator_exit'), { code: 'ERR_PYTHON', type: 'GeneratorExit' })
})

t.test('a wrong name says which one was meant', async t => {
  const error = await failure<FunctionNotFoundError>('divid')
  t.match(error, { name: 'FunctionNotFoundError', code: 'ERR_FUNCTION_NOT_FOUND' })
  t.match(error.message, /did you mean 'divide'/)
  t.match((await failure('nothing_like_it')).message, /no public function 'nothing_like_it'/)
  t.match((await failure('_deeper')).message, /private/)
  t.equal((await failure('step.missing')).code, 'ERR_FUNCTION_NOT_FOUND')
})

t.test('a name that is no string is refused', async t => {
  for (const name of [undefined, null, 5, {}, Symbol('s')]) {
    const error = await rejection(py.call(name as unknown as string))
    t.match(error, { code: 'ERR_VALUE', path: 'name', message: /^name of a function is a string/ })
  }
  t.equal(await py.call('fine', 1), 1)
})

t.test('arguments that do not fit show the signature', async t => {
  for (const args of [
    [],
    [1],
    [1, 2, 3],
    [1, 2, kwargs({ methd: 'x' })],
    [1, kwargs({ state: 2 })],
    [1, 2, kwargs({ dt: 3 })],
  ]) {
    const error = await failure('step', ...args)
    t.match(error, { name: 'ArgumentsError', code: 'ERR_ARGUMENTS' })
    t.match(error.message, "step(state, dt, *, method='euler')")
  }
  t.strictSame(await py.call('step', 1, 2, kwargs({ method: 'verlet' })), [1, 2, 'verlet'])
})

t.test('a TypeError from inside the function is a PythonError, not a wrong call', async t => {
  const error = await failure('inner_type_error')
  t.match(error, { code: 'ERR_PYTHON', type: 'TypeError' })
  t.match(error.traceback, 'in inner_type_error')
})

t.test('results that cannot cross reject with the path of what is wrong', async t => {
  for (const kind of [
    'instance',
    'function',
    'module',
    'class',
    'generator',
    'weakref',
    'lone surrogate',
    'masked',
  ]) {
    t.match(
      await failure('bad', kind),
      { name: 'ValueTypeError', code: 'ERR_VALUE', path: 'result' },
      kind,
    )
    const inside = await failure<Error & { path: string }>('bad_inside', kind)
    t.match(inside, { code: 'ERR_VALUE' }, kind)
    t.match(inside.path, /^result\.rows\[1\]\[['"]the mask['"]\]$/, kind)
    t.ok(inside.message.includes(inside.path), 'the message names the path')
  }
  t.match(await failure('bad', 'cycle'), { code: 'ERR_VALUE', path: /^result/ })
  t.match(await failure('bad', 'tuple key'), { code: 'ERR_VALUE', path: 'result' })
})

t.test(
  'a result that fails halfway, and an exception with arrays in its frames, hold no memory',
  async t => {
    await py.call('fine')
    for (let round = 0; round < 20; round++) {
      await failure('mixed', 'function')
      using array = py.tensor('float64', [20_000])
      await failure('arrays_in_frames', array)
      await failure('arrays_in_frames', array, 'too many')
    }
    await py.call('fine')
    t.match(py.stats(), { leases: 0, ownBlocks: 0, borrowedBlocks: 0 })
  },
)

t.test(
  'errors and values that raise when they are looked at end their call, not the worker',
  async t => {
    const source = `
class Shy:
    def __repr__(self):
        raise RuntimeError("not now")

    def __getattr__(self, name):
        raise RuntimeError(name)

def syntax():
    raise SyntaxError("x", ("file", "line", "column", 5))

def default(a, b=Shy()):
    pass

def shy():
    return Shy()
`
    for (const threads of [1, 2]) {
      const py = await spawned(t, { source }, { threads })
      for (const name of ['syntax', 'default', 'shy']) {
        await t.rejects(py.call(name), { code: /ERR_(PYTHON|VALUE|ARGUMENTS)/ }, name)
        t.equal(py.closed, false, name)
      }
    }
  },
)

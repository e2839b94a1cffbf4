// JS functions as arguments: called from functions, coroutines and threads; tensors, errors and lifetimes both ways.
import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { type Bridge, keep, kwargs, type PythonError, type Tensor } from 'isthmus'
import t from 'tap'
import { gatesOf } from '../fixtures/gates.js'
import { until, within } from '../fixtures/watchdog.js'
import { rejection, released, spawned } from './spawned.js'

type Doubles = Tensor<'float64'>

const gate = gatesOf(t)
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at)
const call = (py: Bridge, name: string, ...args: unknown[]) =>
  within(`${name}()`, py.call(name, ...args), () => py.stats())
const double = (x: number) => 2 * x
const doubleLater = async (x: number) => {
  await turn()
  return 2 * x
}

for (const threads of [1, 3]) {
  const title = `threads: ${threads}`

  t.test(
    `${title}: called from a function and from a coroutine; async functions are awaited`,
    async t => {
      const py = await spawned(t, 'calling_back.py', { threads })
      for (const name of ['call', 'call_later'])
        for (const fn of [double, doubleLater]) t.equal(await call(py, name, fn, 21), 42)
      const expected = upTo(200).map(double)
      for (const name of ['call_many', 'call_many_later', 'call_at_once'])
        for (const fn of [double, doubleLater])
          t.strictSame(await call(py, name, fn, 200), expected, name)
      t.strictSame(await call(py, 'what_it_is', double), [true, true])
    },
  )

  t.test(`${title}: many calls at the same time, each with functions of its own`, async t => {
    const py = await spawned(t, 'calling_back.py', { threads })
    const calls = upTo(60).map(at => {
      const name = ['call_many', 'call_many_later', 'call_at_once'][at % 3]!
      return call(py, name, (x: number) => x + 1000 * at, 20)
    })
    for (const [at, result] of (await Promise.all(calls)).entries())
      t.strictSame(
        result,
        upTo(20).map(x => x + 1000 * at),
      )
  })

  t.test(`${title}: from threads that the user starts, all at once`, async t => {
    const py = await spawned(t, 'calling_back.py', { threads })
    const expected = upTo(8).map(thread => upTo(20).map(step => 2 * (thread * 100 + step)))
    for (const fn of [double, doubleLater])
      t.strictSame(await call(py, 'call_from_threads', fn, 8), expected)
    t.equal(await call(py, 'call_in_a_thread', double), 10)
  })

  t.test(`${title}: nested: Node calls Python calls Node calls Python …`, async t => {
    const py = await spawned(t, 'calling_back.py', { threads: threads === 1 ? 1 : 12 })
    let deepest = 0
    // On one thread only coroutines can wait for one another.
    const name = threads === 1 ? 'countdown_later' : 'countdown'
    const down = (depth: number): Promise<unknown> => {
      deepest++
      return py.call(name, down, depth)
    }
    t.equal(await within('the end', down(10)), 0)
    t.equal(deepest, 11)
  })
}

t.test('in an event loop of the user', async t => {
  const py = await spawned(t, 'calling_back.py')
  t.strictSame(await call(py, 'call_in_own_loop', doubleLater), [2, 4])
})

t.test('at any depth of the arguments, and in keywords; keywords of Python come last', async t => {
  const py = await spawned(t, 'calling_back.py')
  const value = { handlers: [null, { f: double }] }
  t.strictSame(await call(py, 'deep', value, kwargs({ on: { done: doubleLater } })), [2, 4])
  const gather = (...args: unknown[]) => args
  t.strictSame(await call(py, 'call', gather, 1, kwargs({ a: 2 })), [1, { a: 2 }])
})

t.test('tensors go both ways by reference', async t => {
  const py = await spawned(t, 'calling_back.py')
  const length = 50_000
  const sum = (length * (length - 1)) / 2
  for (const threads of [0, 1])
    for (let time = 0; time < 10; time++) {
      const fn = (array: Doubles) => {
        t.equal(array.at(7), 7)
        array.dispose()
        const result = py.tensor('float64', [length])
        result.data.fill(threads)
        return result
      }
      t.strictSame(await call(py, 'with_array', fn, length), ['ndarray', threads * length, false])
    }
  const same = (array: Doubles) => array
  t.strictSame(await call(py, 'with_array', same, length), ['ndarray', sum, true])
  const own = py.tensor('float64', [length])
  own.data.fill(2)
  t.equal(await call(py, 'is_same', same, own), true)
  t.equal(await call(py, 'sum_of', async () => own, null), 2 * length)
  t.equal(py.stats().copiedBytes, 0)
  own.dispose()
  await released(py)
})

t.test('a tensor that was made for the answer is copied in once, a plain array too', async t => {
  const py = await spawned(t, 'calling_back.py')
  const before = py.stats().copiedBytes
  t.equal(await call(py, 'sum_of', () => new Float64Array(20_000).fill(1), null), 20_000)
  t.equal(py.stats().copiedBytes - before, 160_000)
  t.equal(py.stats().ownBlocks, 0)
  t.equal(await call(py, 'large', (text: string) => text + text, 3_000_000), 6_000_000)
})

t.test('what a function throws is raised in Python, with its causes', async t => {
  const py = await spawned(t, 'calling_back.py')
  class CustomError extends Error {
    override readonly name = 'CustomError'
    readonly code = 'E_CUSTOM'
  }
  const error = new CustomError('of mine', { cause: new TypeError('deeper') })
  const throwing = () => {
    throw error
  }
  const rejecting = async () => {
    await turn()
    throw error
  }
  for (const name of ['catch', 'catch_later'])
    for (const fn of [throwing, rejecting]) {
      const caught = await call(py, name, fn)
      t.match(caught, {
        type: 'JavaScriptError',
        name: 'CustomError',
        message: /of mine/,
        cause: { name: 'TypeError', message: /deeper/ },
      })
      t.match((caught as { notes: string }).notes, '54-callbacks', 'it tells where')
    }
})

t.test('what it throws, and Python does not catch, comes back to Node as the cause', async t => {
  const py = await spawned(t, 'calling_back.py')
  const throwing = () => {
    throw new RangeError('far away')
  }
  const direct = await rejection<PythonError>(call(py, 'call', throwing))
  t.match(direct, { code: 'ERR_PYTHON', message: /far away/ })
  const wrapped = await rejection<PythonError>(call(py, 'catch_and_wrap', throwing))
  t.match(wrapped, { type: 'ValueError', pythonMessage: 'from Python' })
  t.match((wrapped.cause as Error).message, /far away/)
  t.equal(await call(py, 'echo', 1), 1)
})

t.test("a callback's own call fails: the PythonError goes through Python and back", async t => {
  const py = await spawned(t, 'calling_back.py', { threads: 2 })
  const caught = await call(py, 'catch', () => py.call('fail', 'inner'))
  t.match(caught, { type: 'JavaScriptError', name: 'PythonError', code: 'ERR_PYTHON' })
})

t.test('things that are thrown and are no errors', async t => {
  const py = await spawned(t, 'calling_back.py')
  for (const thrown of ['a text', 5, null, undefined, { a: 1 }, Symbol('s')])
    t.match(
      await call(py, 'catch', () => {
        throw thrown
      }),
      { type: 'JavaScriptError' },
    )
  const unreadable = Object.defineProperty(new Error(), 'message', {
    get() {
      throw new Error('no')
    },
  })
  t.match(await call(py, 'catch', () => Promise.reject(unreadable)), { type: 'JavaScriptError' })
})

t.test('a value that cannot cross: a typed error on the side that has it', async t => {
  const py = await spawned(t, 'calling_back.py')
  for (const name of ['catch', 'catch_later'])
    for (const wrong of [Symbol('s'), new Set([1]), { deep: [new WeakMap()] }])
      t.match(await call(py, name, () => wrong), {
        type: 'UnsupportedValueError',
        message: /^result/,
      })
  const circle: unknown[] = []
  circle.push(circle)
  t.match(await call(py, 'catch', () => circle), { message: /cycle/ })
  const disposed = py.tensor('float64', [10])
  disposed.dispose()
  t.match(await call(py, 'catch', () => disposed), { code: 'ERR_DISPOSED' })
  let called = false
  const refused = await rejection(
    call(py, 'pass_unsupported', () => {
      called = true
    }),
  )
  t.match(refused.message, /args\[0\]/)
  t.equal(called, false)
  await released(py)
})

t.test('undefined is None; a function that returns a function', async t => {
  const py = await spawned(t, 'calling_back.py')
  t.equal(await call(py, 'call', () => {}), null)
  const outer = () => keep(double)
  t.strictSame(await call(py, 'give_back', double), { it: [double] }, 'it comes back as it is')
  t.equal(
    await call(py, 'are_equal', double, double),
    false,
    'each argument is a function of its own',
  )
  t.strictSame(await call(py, 'call', outer), double)
})

t.test('a thenable is awaited like a promise', async t => {
  const py = await spawned(t, 'calling_back.py')
  // biome-ignore lint/suspicious/noThenProperty: what the test is about
  const thenable = { then: (resolve: (value: number) => void) => setTimeout(resolve, 1, 7) }
  t.equal(await call(py, 'call', () => thenable), 7)
})

t.test('it runs in the asynchronous context of the call that it was passed to', async t => {
  const py = await spawned(t, 'calling_back.py')
  const storage = new AsyncLocalStorage<number>()
  const seen = await Promise.all(
    upTo(20).map(at =>
      storage.run(at, () =>
        call(
          py,
          at % 2 ? 'call_many' : 'call_many_later',
          async () => {
            const before = storage.getStore()
            await turn()
            return before === storage.getStore() ? before : 'lost'
          },
          3,
        ),
      ),
    ),
  )
  t.strictSame(
    seen,
    upTo(20).map(at => [at, at, at]),
  )
})

t.test('a stream may call back, also between the items', async t => {
  const py = await spawned(t, 'calling_back.py')
  for (const name of ['stream_with', 'stream_with_later']) {
    const items: unknown[] = []
    for await (const item of py.stream(name, doubleLater, 30)) items.push(item)
    t.strictSame(items, upTo(30).map(double), name)
  }
})

// --- lifetimes ---

t.test(
  'called after its call has ended: CallbackEndedError, and the function does not run',
  async t => {
    const py = await spawned(t, 'calling_back.py')
    let calls = 0
    const fn = () => {
      calls++
    }
    await call(py, 'keep', 'it', fn)
    const ended = { type: 'CallbackEndedError', code: 'ERR_CALLBACK_ENDED', message: /keep\(fn\)/ }
    t.match(await call(py, 'call_kept', 'it'), ended)
    t.match(await call(py, 'call_kept_later', 'it'), ended)
    t.equal(calls, 0)
    const end = gate()
    await call(py, 'start_thread', fn, end.path)
    end.open()
    t.match(await call(py, 'result_of_thread'), ended)
    t.equal(calls, 0)
  },
)

t.test('its call was aborted: CallbackEndedError too', async t => {
  const py = await spawned(t, 'calling_back.py', { threads: 2 })
  const controller = new AbortController()
  let calls = 0
  const aborted = rejection(
    py.with({ signal: controller.signal }).call(
      'call_after',
      () => {
        calls++
      },
      async () => {
        controller.abort()
        await turn()
      },
    ),
  )
  t.equal((await aborted).code, 'ERR_ABORTED')
  t.equal(await call(py, 'echo', 1), 1)
  t.equal(calls, 0)
})

t.test('a call that waits for a callback that never answers can be aborted', async t => {
  for (const threads of [1, 2]) {
    const py = await spawned(t, 'calling_back.py', { threads })
    for (const name of ['call', 'call_later']) {
      const controller = new AbortController()
      let entered: () => void = () => {}
      const inside = new Promise<void>(resolve => {
        entered = resolve
      })
      const aborted = rejection(
        py.with({ signal: controller.signal }).call(name, () => {
          entered()
          return new Promise(() => {})
        }),
      )
      await within('the callback runs', inside)
      controller.abort()
      t.equal((await aborted).code, 'ERR_ABORTED')
      t.equal(await call(py, 'echo', 1), 1, `${name} with ${threads} threads`)
    }
    await py.close()
  }
})

t.test('keep(): callable until Python drops it', async t => {
  const py = await spawned(t, 'calling_back.py')
  await call(py, 'keep', 'it', keep(double))
  t.equal(await call(py, 'call_kept', 'it', 4), 8)
  t.equal(await call(py, 'call_kept_later', 'it', 5), 10)
  const end = gate()
  await call(py, 'start_thread', keep(double), end.path)
  end.open()
  t.equal(await call(py, 'result_of_thread'), null, 'it raised nothing')
})

/** Is there nothing left that refers to it? */
const collected = (py: Bridge, ref: WeakRef<object>) =>
  until(
    'the function is collected',
    async () => {
      globalThis.gc!()
      await turn()
      await py.call('echo', 0)
      return ref.deref() === undefined
    },
    () => py.stats(),
  )

t.test('released: when its call has ended; kept ones when Python drops them', async t => {
  const py = await spawned(t, 'calling_back.py')
  const once = await (async () => {
    const fn = (x: number) => x + 1
    t.equal(await call(py, 'call', fn, 1), 2)
    return new WeakRef(fn)
  })()
  await collected(py, once)
  const kept = await (async () => {
    const fn = (x: number) => x + 1
    await call(py, 'keep', 'it', keep(fn))
    return new WeakRef(fn)
  })()
  for (let time = 0; time < 5; time++) {
    globalThis.gc!()
    await turn()
    t.equal(await call(py, 'call_kept', 'it', time), time + 1)
  }
  t.equal(py.stats().functions, 1)
  await call(py, 'drop', 'it')
  await collected(py, kept)
  t.equal(py.stats().functions, 0)
})

t.test('no room for what a function returns or throws: a typed error, and it goes on', async t => {
  const py = await spawned(t, 'calling_back.py', { memory: '16MiB' })
  const full = await call(py, 'catch', () => new Float64Array(4_000_000))
  t.match(full, { name: 'ArenaFullError', code: 'ERR_ARENA_FULL' })
  const long = () => {
    throw new Error('x'.repeat(1e6), { cause: new Error('y'.repeat(1e6)) })
  }
  t.match(await call(py, 'catch', long), { type: 'JavaScriptError', cause: {} })
  t.equal(await call(py, 'echo', 1), 1)
  await released(py)
})

t.test('released when Python drops it in the middle of its call', async t => {
  const py = await spawned(t, 'calling_back.py', { threads: 2 })
  const dropped = (() => {
    const fn = Object.assign((x: number) => x + 1, { large: new Uint8Array(10) })
    const ref = new WeakRef(fn)
    return { ref, call: call(py, 'drop_then_wait', [keep(fn)], () => collected(py, ref)) }
  })()
  await dropped.call
  t.equal(dropped.ref.deref(), undefined)
})

t.test('released when the worker ends', async t => {
  const py = await spawned(t, 'calling_back.py')
  const kept = await (async () => {
    const fn = (x: number) => x + 1
    await call(py, 'keep', 'it', keep(fn))
    return new WeakRef(fn)
  })()
  await within('close', py.close())
  await until('the function is collected', async () => {
    globalThis.gc!()
    await turn()
    return kept.deref() === undefined
  })
})

t.test(
  'the worker ends while a callback runs: nobody is told twice, nothing is thrown',
  async t => {
    const py = await spawned(t, 'calling_back.py', { stderr: 'events' })
    const pending = rejection(
      py.call('call', async () => {
        process.kill(py.pid, 'SIGKILL')
        await until('it is gone', () => py.closed)
        return 'nobody waits for it'
      }),
    )
    t.match(await within('rejection', pending), { code: 'ERR_WORKER_EXITED' })
    await turn()
    await turn()
  },
)

t.test('10,000 callbacks, and nothing is left', async t => {
  const py = await spawned(t, 'calling_back.py')
  let sum = 0
  const add = (x: number) => {
    sum += x
  }
  for (let time = 0; time < 10; time++) await call(py, 'call_many', add, 1000)
  t.equal(py.stats().functions, 0)
  t.equal(sum, (10 * 1000 * 999) / 2)
  await released(py)
})

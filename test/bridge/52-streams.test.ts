// A Python generator is an async iterable: order, back-pressure, how it ends, and frames that are not torn.
import { type ItemStream, kwargs, type PythonError, type Tensor } from 'isthmus'
import t from 'tap'
import { runProgram } from '../fixtures/processes.js'
import { until, within } from '../fixtures/watchdog.js'
import { noted, rejection, released, spawned } from './spawned.js'

type Doubles = Tensor<'float64'>

async function all<T = unknown>(stream: ItemStream): Promise<T[]> {
  const items: T[] = []
  await within(
    'the end of the stream',
    (async () => {
      for await (const item of stream) items.push(item as T)
    })(),
    () => ({ items: items.length, last: items.at(-1) }),
  )
  return items
}

/** Items until the stream rejects, and with what. */
async function broken(stream: ItemStream): Promise<[items: unknown[], error: Error]> {
  const items: unknown[] = []
  const error = await rejection(
    within(
      'the error of the stream',
      (async () => {
        for await (const item of stream) items.push(item)
      })(),
    ),
  )
  return [items, error]
}

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at)

const modes = [
  { kind: 'a generator', suffix: '', threads: 1 },
  { kind: 'a generator in a pool of threads', suffix: '', threads: 2 },
  { kind: 'an async generator', suffix: '_later', threads: 1 },
]

for (const { kind, suffix, threads } of modes) {
  t.test(`${kind}: its items in order, then its end`, async t => {
    const py = await spawned(t, 'streaming.py', { threads })
    t.strictSame(await all(py.stream(`count_up${suffix}`, 'a', 3000)), upTo(3000))
    t.strictSame(await all(py.stream(`count_up${suffix}`, 'b', 0)), [])
    t.strictSame(await py.call('events'), ['a: finally', 'b: finally'])
    t.equal(py.stats().pending, 0)
  })

  t.test(`${kind} never runs more than \`window\` items ahead of its reader`, async t => {
    const py = await spawned(t, 'streaming.py', { threads })
    for (const window of [1, 2, 5, 8]) {
      const name = `window ${window}`
      const stream = py.with({ window }).stream(`count_up${suffix}`, name)
      await until(`${window} items`, async () => (await py.call('made', name)) === window)
      for (let read = 1; read <= 3 * window; read++) {
        t.strictSame(await stream.next(), { done: false, value: read - 1 })
        const made = (await py.call('made', name)) as number
        t.ok(made <= read + window, `${made} were made when ${read} were read`)
      }
      await stream.return()
    }
  })

  t.test(`${kind}: 8 items ahead unless said otherwise`, async t => {
    const py = await spawned(t, 'streaming.py', { threads })
    const stream = py.stream(`count_up${suffix}`, 'default')
    await until('8 items', async () => (await py.call('made', 'default')) === 8)
    for (let time = 0; time < 20; time++) t.equal(await py.call('made', 'default'), 8)
    t.strictSame(await stream.return(), { done: true, value: undefined })
  })

  t.test(`${kind}: leaving the loop closes it, and its finally runs`, async t => {
    const py = await spawned(t, 'streaming.py', { threads })
    for await (const item of py.stream(`count_up${suffix}`, 'left')) if (item === 3) break
    const events = await noted(py, 2)
    t.equal(events[1], 'left: finally')
    if (suffix === '') t.equal(events[0], 'left: GeneratorExit')
    t.equal(py.stats().pending, 0)
    t.equal(await py.call('echo', 1), 1)
  })

  t.test(`${kind}: an error in the loop's body closes it as well`, async t => {
    const py = await spawned(t, 'streaming.py', { threads })
    const error = new Error('of the reader')
    await t.rejects(
      (async () => {
        for await (const _ of py.stream(`count_up${suffix}`, 'thrown')) throw error
      })(),
      error,
    )
    t.equal((await noted(py, 2))[1], 'thrown: finally')
  })

  t.test(`${kind} that is given up without break is closed when it is collected`, async t => {
    const py = await spawned(t, 'streaming.py', { threads })
    await (async () => {
      const stream = py.stream(`count_up${suffix}`, 'abandoned')
      t.strictSame(await stream.next(), { done: false, value: 0 })
    })()
    await until('it is closed', async () => {
      globalThis.gc!()
      await new Promise(resolve => setImmediate(resolve))
      return ((await py.call('events')) as unknown[]).includes('abandoned: finally')
    })
    t.equal(py.stats().pending, 0)
  })

  t.test(`${kind} that raises midway: the items before arrive, then the error`, async t => {
    const py = await spawned(t, 'streaming.py', { threads })
    const name = suffix === '' ? 'raises_after' : 'raises_later_after'
    for (const count of [0, 1, 8, 9, 100]) {
      const [items, error] = await broken(py.stream(name, count, `at ${count}`))
      t.strictSame(items, upTo(count))
      t.match(error, {
        code: 'ERR_PYTHON',
        type: 'ValueError',
        pythonMessage: `at ${count}`,
        cause: { type: 'KeyError' },
      })
      t.match((error as PythonError).traceback, name)
    }
    t.equal(await py.call('echo', 1), 1)
  })
}

t.test('what a generator returns is the value of the last next()', async t => {
  const py = await spawned(t, 'streaming.py')
  const stream = py.stream('count_up', 'r', 2)
  t.strictSame(await stream.next(), { done: false, value: 0 })
  t.strictSame(await stream.next(), { done: false, value: 1 })
  t.strictSame(await stream.next(), { done: true, value: 'made 2' })
  t.strictSame(await stream.next(), { done: true, value: undefined })
  const iterator = py.stream('returns_iterator', 1)
  t.strictSame(await iterator.next(), { done: false, value: 0 })
  t.strictSame(await iterator.next(), { done: true, value: 'lift-off' })
  const array = py.stream('returns_an_array')
  await array.next()
  const last = (await array.next()) as IteratorReturnResult<Doubles>
  t.equal(last.value.at(9999), 9999)
  t.strictSame(await py.stream('nothing').next(), { done: true, value: null })
})

t.test('next() may be called ahead of the items, as often as one likes', async t => {
  const py = await spawned(t, 'streaming.py')
  const stream = py.with({ window: 2 }).stream('count_up', 'ahead', 10)
  const results = await within('12 results', Promise.all(upTo(12).map(() => stream.next())))
  t.strictSame(
    results.map(({ done, value }) => [done, value]),
    [...upTo(10).map(value => [false, value]), [true, 'made 10'], [true, undefined]],
  )
})

t.test('whatever can be iterated is a stream; text and numbers are not', async t => {
  const py = await spawned(t, 'streaming.py')
  t.strictSame(await all(py.stream('returns_range', 4)), [0, 1, 2, 3])
  t.strictSame(await all(py.stream('returns', [1, 'a', null])), [1, 'a', null])
  t.strictSame(await all(py.stream('returns_dict')), ['a', 'b'])
  t.strictSame(await all(py.stream('returns_iterator', 3)), [2, 1, 0])
  using array = py.tensor('float64', [3, 4])
  array.data.forEach((_, at, data) => {
    data[at] = at
  })
  const rows = await all<Doubles>(py.stream('rows', array))
  t.strictSame(
    rows.map(row => [...row.copy().data]),
    [
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9, 10, 11],
    ],
  )
  for (const wrong of ['text', 5, null, Buffer.from('bytes')]) {
    const [items, error] = await broken(py.stream('returns', wrong))
    t.strictSame(items, [])
    t.match(error, { code: 'ERR_VALUE' }, String(wrong))
  }
})

t.test('items of every kind, arguments with keywords', async t => {
  const py = await spawned(t, 'streaming.py')
  const [nothing, number, text, list, scalar] = await all(py.stream('many_kinds'))
  t.strictSame([nothing, number, text, scalar], [null, 1.5, 'text', 2])
  t.strictSame([...(list as [number, { a: Tensor<'int64'> }])[1].a.data], [0n, 1n, 2n])
  t.strictSame(await all(py.stream('with_keywords', 5, kwargs({ step: 2, count: 3 }))), [5, 7, 9])
})

t.test('what is wrong with a stream, its first next() tells', async t => {
  const py = await spawned(t, 'streaming.py')
  const cases: [ItemStream, object][] = [
    [py.stream('no_such'), { code: 'ERR_FUNCTION_NOT_FOUND' }],
    [py.stream('count_up'), { code: 'ERR_ARGUMENTS' }],
    [py.stream('raises_at_once'), { code: 'ERR_PYTHON', type: 'LookupError' }],
    [py.stream('echo', Symbol('s')), { code: 'ERR_VALUE', path: 'args[0]' }],
    [py.stream(5 as never), { code: 'ERR_VALUE' }],
  ]
  for (const [stream, wanted] of cases) {
    t.match(await rejection(stream.next()), wanted)
    t.strictSame(await stream.next(), { done: true, value: undefined }, 'it is told once')
  }
  t.equal(py.stats().pending, 0)
})

t.test('a generator function that is called tells to stream it', async t => {
  const py = await spawned(t, 'streaming.py')
  for (const name of ['count_up', 'count_up_later'])
    t.match(await rejection(py.call(name, 'called', 3)), {
      code: 'ERR_VALUE',
      message: /stream\(\)/,
    })
})

t.test(
  'an item that cannot cross: those before arrive, then the error, and it is closed',
  async t => {
    const py = await spawned(t, 'streaming.py')
    const [items, error] = await broken(py.stream('yields_nonsense_after', 'n', 3))
    t.strictSame(items, [0, 1, 2])
    t.match(error, { code: 'ERR_VALUE' })
    t.strictSame(await py.call('events'), ['n: finally'])
  },
)

t.test('a generator that raises or goes on while it is closed harms nobody', async t => {
  const py = await spawned(t, 'streaming.py')
  for (const name of ['raises_when_closed', 'ignores_being_closed'])
    for await (const _ of py.stream(name)) break
  t.equal(await within('the next call', py.call('echo', 1)), 1)
})

t.test('return(), await using: closed too, and twice is as good as once', async t => {
  const py = await spawned(t, 'streaming.py')
  const stream = py.stream('count_up', 'one')
  await stream.next()
  t.strictSame(await stream.return('given'), { done: true, value: 'given' })
  await stream.return()
  t.strictSame(await stream.next(), { done: true, value: undefined })
  {
    await using other = py.stream('count_up', 'two')
    await other.next()
  }
  await using never = py.stream('cleaning_up_later', 'three')
  await never.next()
  await never.return()
  t.strictSame(
    new Set(await noted(py, 5)),
    new Set([
      'one: GeneratorExit',
      'one: finally',
      'two: GeneratorExit',
      'two: finally',
      'three: awaited in finally',
    ]),
  )
})

t.test('closed before anything was read', async t => {
  const py = await spawned(t, 'streaming.py')
  for (let time = 0; time < 50; time++) {
    await py.stream('count_up', `plain ${time}`).return()
    await py.stream('count_up_later', `later ${time}`).return()
  }
  t.equal(await within('the next call', py.call('echo', 1)), 1)
  t.equal(py.stats().pending, 0)
})

for (const threads of [1, 3])
  t.test(`streams and calls at the same time, threads: ${threads}`, async t => {
    const py = await spawned(t, 'streaming.py', { threads })
    const streams = upTo(6).map(at =>
      all(py.with({ window: 1 + at }).stream(at % 2 ? 'count_up' : 'count_up_later', at, 500)),
    )
    const calls = upTo(200).map(at => py.call('echo', at))
    t.strictSame(await within('the calls', Promise.all(calls)), upTo(200))
    for (const items of await Promise.all(streams)) t.strictSame(items, upTo(500))
  })

t.test('a stream that nobody reads does not keep calls from running', async t => {
  const py = await spawned(t, 'streaming.py')
  const stream = py.stream('count_up', 'idle')
  await until('it has run ahead', async () => (await py.call('made', 'idle')) === 8)
  t.strictSame(
    await within('the calls', Promise.all(upTo(50).map(at => py.call('echo', at)))),
    upTo(50),
  )
  t.strictSame(await stream.next(), { done: false, value: 0 })
})

t.test('between two items there is room for calls, however small the window is', async t => {
  const py = await spawned(t, 'streaming.py', { window: 1 })
  for (const name of ['count_up', 'count_up_later']) {
    let read = 0
    for await (const item of py.stream(name, 'outer', 50)) {
      t.equal(await within('a call', py.call('echo', item)), read++)
      if (read === 10)
        for await (const inner of py.stream(name, 'inner'))
          if ((await within('a call', py.call('echo', inner))) === 20) break
    }
    t.equal(read, 50)
  }
})

t.test('a stream takes one place in the window of calls, and gives it back', async t => {
  const py = await spawned(t, 'streaming.py', { window: 2 })
  for (let time = 0; time < 10; time++) {
    for await (const item of py.stream('count_up', 'w')) if (item === 2) break
    t.strictSame(await within('a stream', all(py.stream('count_up', 'w', 3))), [0, 1, 2])
    t.equal(await within('a call', py.call('echo', time)), time)
  }
})

// --- frames ---

const length = 20_000

const inPlace = [
  'same_array',
  'same_array_later',
  'views_of_an_array',
  'array_of_an_object',
] as const

for (const name of inPlace)
  t.test(`${name}: an array that is changed in place tears no frame`, async t => {
    for (const threads of [1, 2]) {
      const py = await spawned(t, 'streaming.py', { threads })
      const frames = await all<Doubles>(py.stream(name, 40, length))
      t.equal(frames.length, 40)
      for (const [at, frame] of frames.entries())
        t.ok(
          frame.data.every(value => value === at),
          `frame ${at} is ${frame.at(0)} … ${frame.at(length - 1)}`,
        )
      await py.close()
    }
  })

t.test('in a value, and where the array is one of Node: not torn either', async t => {
  const py = await spawned(t, 'streaming.py')
  const items = await all<{ number: number; state: Doubles }>(
    py.stream('same_array_in_a_dict', 20, length),
  )
  for (const { number, state } of items) t.ok(state.data.every(value => value === number))
  using array = py.tensor('float64', [length])
  const frames = await all<Doubles>(py.stream('filled_by_the_reader', array, 20))
  for (const [at, frame] of frames.entries()) t.ok(frame.data.every(value => value === at + 1))
  t.ok(
    array.data.every(value => value === 20),
    'and Node sees the changes in its own',
  )
})

t.test('what the reader writes into a frame, the generator does not see', async t => {
  const py = await spawned(t, 'streaming.py')
  using array = py.tensor('float64', [length])
  let at = 0
  for await (const frame of py.stream('running_mean', array, 20)) {
    const { data } = frame as Doubles
    t.ok(data.every(value => value === at))
    data.fill(-1)
    at++
  }
  t.equal(at, 20)
})

for (const name of ['frames', 'frames_later'])
  t.test(`${name} of 24 MB: by reference, not a byte is copied`, async t => {
    const py = await spawned(t, 'streaming.py')
    const size = 3_000_000
    let at = 0
    for await (const item of py.stream(name, 40, size)) {
      const frame = item as Doubles
      t.equal(frame.byteLength, 24_000_000)
      const { data } = frame
      if (data[0] !== at || data[size >> 1] !== at || data[size - 1] !== at) t.fail(`frame ${at}`)
      frame.dispose()
      at++
    }
    t.equal(at, 40)
    t.equal(py.stats().copiedBytes, 0)
    await released(py)
  })

t.test('a slow reader does not make memory grow', async t => {
  const py = await spawned(t, 'streaming.py')
  const bytes = 8 * 131_072
  let most = 0
  for await (const frame of py.with({ window: 4 }).stream('frames', 500, 131_072)) {
    ;(frame as Doubles).dispose()
    await py.call('echo', 1) // Python has all the time to run ahead
    most = Math.max(most, py.stats().borrowedBytes)
  }
  t.ok(most <= 8 * bytes, `${most / bytes} frames at most`)
  t.equal(py.stats().copiedBytes, 0)
})

t.test('frames that were not read are given up when the stream is left', async t => {
  const py = await spawned(t, 'streaming.py')
  for (let time = 0; time < 20; time++)
    for await (const frame of py.stream('frames', 100, length)) {
      ;(frame as Doubles).dispose()
      break
    }
  await released(py)
  t.equal(py.stats().pending, 0)
})

t.test(
  'frames that a reader keeps until memory is full: those arrive, then ERR_ARENA_FULL',
  async t => {
    const py = await spawned(t, 'streaming.py', { memory: '64MiB' })
    const kept: Doubles[] = []
    const error = await rejection(
      (async () => {
        for await (const frame of py.stream('frames', 20, 1_000_000)) kept.push(frame as Doubles)
      })(),
    )
    t.equal(error.code, 'ERR_ARENA_FULL')
    t.ok(kept.length > 3)
    for (const [at, frame] of kept.splice(0).entries()) {
      t.ok(frame.at(0) === at && frame.at(999_999) === at)
      frame.dispose()
    }
    await released(py)
    t.equal((await all(py.stream('frames', 2, 1_000_000))).length, 2)
  },
)

// --- how else it ends ---

t.test('the worker dies: the items before arrive, then WorkerExitedError', async t => {
  const py = await spawned(t, 'streaming.py', { stderr: 'events' })
  const [items, error] = await broken(py.stream('dies_after', 5))
  t.strictSame(items, upTo(5))
  t.match(error, { code: 'ERR_WORKER_EXITED', signal: 'SIGKILL' })
  t.match(await rejection(py.stream('frames', 1, 1).next()), { code: 'ERR_WORKER_EXITED' })
})

t.test('the bridge is closed: the stream rejects with ClosedError', async t => {
  const py = await spawned(t, 'streaming.py')
  const stream = py.with({ window: 1 }).stream('count_up', 'x')
  await stream.next()
  await stream.next()
  const next = rejection(
    (async () => {
      for await (const _ of stream);
    })(),
  )
  await within('close', py.close())
  t.match(await within('next', next), { code: 'ERR_CLOSED' })
  t.match(await rejection(py.stream('count_up', 'y').next()), { code: 'ERR_CLOSED' })
})

t.test('progress of a stream', async t => {
  const py = await spawned(t, 'streaming.py')
  const reports: unknown[] = []
  const onProgress = (...report: unknown[]) => reports.push(report)
  t.strictSame(await all(py.with({ onProgress }).stream('reports', 4)), [0, 1, 2, 3])
  t.strictSame(
    reports,
    upTo(4).map(at => [at / 4, `item ${at}`]),
  )
})

t.test('a stream that is read keeps Node alive; one that is not read does not', async t => {
  for (const mode of ['read', 'unread', 'left', 'unawaited']) {
    const program = runProgram('stream-exits', [mode])
    t.same(await program.ended, { code: 0, signal: null }, `${mode}: ${program.errors()}`)
    t.equal(program.lines.at(-1), mode === 'unread' ? 'begun' : `read ${mode === 'left' ? 1 : 50}`)
  }
})

t.test('a stream that only its next() refers to is not closed under its reader', async t => {
  const source = 'import time\ndef late():\n    time.sleep(0.3)\n    yield 7\n'
  const py = await spawned(t, { source })
  const item = py.stream('late').next()
  let waits = true
  void item.finally(() => {
    waits = false
  })
  while (waits) {
    globalThis.gc!()
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  t.strictSame(await item, { done: false, value: 7 })
})

t.test('an item that raises when it is looked at ends the stream, not the worker', async t => {
  const source = `
class Broken(dict):
    def items(self):
        raise KeyError("broken")

def items():
    yield 1
    yield Broken(a=object())

async def items_later():
    yield 1
    yield Broken(a=object())

def one():
    return Broken(a=object())

async def one_later():
    return one()
`
  for (const threads of [1, 2]) {
    const py = await spawned(t, { source }, { threads })
    for (const name of ['items', 'items_later']) {
      const [items, error] = await broken(py.stream(name))
      t.strictSame(items, [1], name)
      t.match(error, { code: 'ERR_PYTHON', type: 'KeyError' })
    }
    for (const name of ['one', 'one_later'])
      t.match(await rejection(within(name, py.call(name))), { type: 'KeyError' }, name)
  }
})

// What Python tells besides results: progress of a call, and records of logging.
import { type Bridge, type LogRecord, spawn } from 'isthmus'
import t from 'tap'
import { gatesOf } from '../fixtures/gates.js'
import { until, within } from '../fixtures/watchdog.js'
import { fixture, line, rejection, spawned } from './spawned.js'

const gate = gatesOf(t)

type Report = [fraction: number, text: string | undefined]

function listener() {
  const reports: Report[] = []
  return { reports, onProgress: (...report: Report) => void reports.push(report) }
}

/** Records of a bridge from now on. */
function recordsOf(py: Bridge): LogRecord[] {
  const records: LogRecord[] = []
  py.on('log', record => records.push(record))
  return records
}

const come = (records: LogRecord[], count: number) =>
  until(
    `${count} records`,
    () => records.length >= count,
    () => records,
  )

const quiet = { stderr: 'events', stdout: 'events' } as const

for (const threads of [1, 2])
  t.test(`progress arrives before the result, in order; threads: ${threads}`, async t => {
    const py = await spawned(t, 'reporting.py', { threads, ...quiet })
    for (const name of ['fit', 'fit_later']) {
      const { reports, onProgress } = listener()
      t.equal(await py.with({ onProgress }).call(name, 4), 4)
      t.strictSame(
        reports,
        [
          [0, 'step 0'],
          [0.25, 'step 1'],
          [0.5, 'step 2'],
          [0.75, 'step 3'],
          [1, undefined],
        ],
        name,
      )
    }
  })

t.test('each call has its own; nothing is sent where nobody listens', async t => {
  const py = await spawned(t, 'reporting.py', { threads: 2, ...quiet })
  const calls = Array.from({ length: 20 }, async (_, at) => {
    const { reports, onProgress } = listener()
    const name = at % 2 ? 'fit' : 'fit_later'
    await py.with({ onProgress }).call(name, at)
    t.equal(reports.length, at + 1)
  })
  await within('the calls', Promise.all(calls))
  await py.call('echo', 1)
  const before = py.stats().worker.messages
  await py.call('fit', 100)
  t.ok(py.stats().worker.messages - before < 20)
})

t.test('during callSync as well', async t => {
  const py = await spawned(t, 'reporting.py', quiet)
  const { reports, onProgress } = listener()
  t.equal(py.with({ onProgress }).callSync('fit', 2), 2)
  await new Promise(resolve => setImmediate(resolve))
  t.equal(reports.length, 3)
})

t.test('fractions of any kind of number; text and nothing else', async t => {
  const py = await spawned(t, 'reporting.py', quiet)
  const { reports, onProgress } = listener()
  const caller = py.with({ onProgress })
  await caller.call('numpy_fraction')
  await caller.call('strange', 2, null)
  await caller.call('strange', -0.5, 'ünï')
  t.strictSame(reports, [
    [0.5, 'numpy'],
    [1, undefined],
    [2, undefined],
    [-0.5, 'ünï'],
  ])
  t.match(await rejection(caller.call('strange', 'half', null)), { code: 'ERR_PYTHON' })
  t.match(await rejection(caller.call('strange', 0.5, 5)), { type: 'TypeError' })
})

t.test('a thread of the user reports if it has the context of the call', async t => {
  const py = await spawned(t, 'reporting.py', quiet)
  const { reports, onProgress } = listener()
  await py.with({ onProgress }).call('progress_in_thread')
  t.strictSame(reports, [[0.2, 'with']])
})

t.test('a call that was aborted reports no more', async t => {
  const py = await spawned(t, 'reporting.py', quiet)
  const controller = new AbortController()
  let reports = 0
  const onProgress = () => {
    if (++reports === 10) controller.abort()
  }
  const caller = py.with({ signal: controller.signal, onProgress })
  t.equal(
    (await within('rejection', rejection(caller.call('progress_forever')))).code,
    'ERR_ABORTED',
  )
  const seen = reports
  t.equal(await within('the next call', py.call('echo', 1)), 1)
  t.equal(reports, seen)
})

t.test('records of logging are events, with everything that they say', async t => {
  const py = await spawned(t, 'reporting.py', quiet)
  const records = recordsOf(py)
  await py.call('log', 30, 'loaded %s in %d ms', 'weights', 12)
  await come(records, 1)
  const record = records.find(({ message }) => message.startsWith('loaded'))!
  t.match(record, {
    level: 30,
    levelName: 'WARNING',
    logger: 'model.load',
    message: 'loaded weights in 12 ms',
    path: /reporting\.py$/,
    function: 'log',
    exception: undefined,
  })
  t.ok(record.line > 0)
  t.ok(record.time instanceof Date && Math.abs(record.time.getTime() - Date.now()) < 600_000)
  records.length = 0
  await py.call('log_exception')
  await py.call('log_root', 'of the root')
  await py.call('log_in_thread', 'elsewhere')
  await py.call('log_later', 'in a task')
  await come(records, 4)
  t.match(records, [
    { level: 40, message: 'it failed', exception: /Traceback[\s\S]*ValueError: broken/ },
    { logger: 'root', message: 'of the root' },
    { message: 'elsewhere', thread: 'my thread' },
    { message: 'in a task', function: 'log_later' },
  ])
})

t.test('levels are those of the loggers', async t => {
  const py = await spawned(t, 'reporting.py', quiet)
  const records = recordsOf(py)
  await py.call('log', 20, 'below the level')
  await py.call('set_level', 10)
  await py.call('log', 10, 'debug')
  await py.call('log', 50, 'critical')
  await py.call('log', 35, 'in between')
  await come(records, 3)
  const seen = records.filter(({ message }) => !message.startsWith('while'))
  t.strictSame(
    seen.map(({ levelName, message }) => [levelName, message]),
    [
      ['DEBUG', 'debug'],
      ['CRITICAL', 'critical'],
      ['Level 35', 'in between'],
    ],
  )
})

t.test('what is logged during the import is heard after spawn()', async t => {
  const py = await spawn(fixture('reporting.py'), quiet)
  t.teardown(() => py.close())
  const records = recordsOf(py)
  await come(records, 1)
  t.match(records, [{ message: 'while it was imported' }])
})

t.test('in order, beside lines of stdout and stderr', async t => {
  const py = await spawned(t, 'reporting.py', { threads: 2, ...quiet })
  const records = recordsOf(py)
  const printed = [line(py, 'stdout', /printed as well/), line(py, 'stderr', /to stderr/)]
  t.equal(await within('the call', py.call('log_many', 5000)), 5000)
  await within('the lines', Promise.all(printed))
  await come(records, 5000)
  const numbers = records.map(({ message }) => message).filter(text => /^\d+$/.test(text))
  t.strictSame(
    numbers,
    Array.from({ length: 5000 }, (_, at) => String(at)),
  )
})

t.test('records that cannot be described are told as far as they can', async t => {
  const py = await spawned(t, 'reporting.py', quiet)
  const records = recordsOf(py)
  await py.call('log_wrong_arguments')
  await py.call('log_odd')
  await come(records, 4)
  const texts = records.map(({ message }) => message).filter(text => !text.startsWith('while'))
  t.match(texts[0], /%d and %d/)
  t.match(texts[1], /Odd/)
  t.match(texts[2], /lone .* surrogate/)
  t.ok(texts[3]!.length >= 10_000 && texts[3]!.length <= 300_000)
  t.equal(await py.call('echo', 1), 1)
})

t.test("the user's own handlers work as ever", async t => {
  const py = await spawned(t, 'reporting.py', quiet)
  const mine = line(py, 'stdout', /MINE/)
  await py.call('with_basic_config')
  t.equal(await within('the line', mine), 'MINE configured')
})

t.test('a record comes while its call still runs', async t => {
  const py = await spawned(t, 'reporting.py', quiet)
  const records = recordsOf(py)
  const end = gate()
  const call = py.call('log_forever', end.path)
  await until('it is heard', () => records.some(({ message }) => message === 'begun'))
  t.notOk(end.isOpen)
  end.open()
  await call
})

t.test('a listener that throws is an uncaught exception of the user, and nothing else', async t => {
  const py = await spawned(t, 'reporting.py', quiet)
  const errors: unknown[] = []
  const listen = (error: unknown) => errors.push(error)
  process.on('uncaughtException', listen)
  const mistake = new Error('of the listener')
  const onProgress = () => {
    throw mistake
  }
  t.equal(await within('the call', py.with({ onProgress }).call('fit', 1)), 1)
  await until('they are heard', () => errors.length === 2)
  process.off('uncaughtException', listen)
  t.strictSame(errors, [mistake, mistake])
  t.equal(await py.call('echo', 1), 1)
})

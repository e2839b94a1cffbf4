import {
  type BatchHistograms,
  type BatchStats,
  type Bridge,
  type BridgeStats,
  type Exit,
  type LogRecord,
  type SideStats,
  type SpawnOptions,
  spawn,
  type Target,
  type Timing,
} from 'isthmus'
import { expectType } from './expect-type.js'

export async function spawning() {
  expectType(spawn('./model.py')).is<Promise<Bridge>>()
  const targets: Target[] = ['./model.py', new URL('file:///model.py'), { module: 'numpy' }]
  const options: SpawnOptions = {
    python: 'python3',
    cwd: '/',
    env: { OMP_NUM_THREADS: '1', PYTHONHOME: undefined },
    stdout: 'events',
    stderr: 'ignore',
    startTimeout: 5000,
    timeout: 1000,
    window: 16,
    maxQueue: Infinity,
    ringBytes: '1MiB',
    memory: '2GB',
    arena: 2 ** 30,
    retain: 0,
    prefault: '1GiB',
    spin: 'auto',
    threads: 2,
    detach: false,
    restart: { limit: 3, window: 1000, delay: 10, maxDelay: 100 },
    watch: true,
  }
  for (const target of targets) await spawn(target, options)
  await spawn({ source: 'def f(): …', name: 'f' })
  // @ts-expect-error: one of three words
  await spawn('./model.py', { stdout: 'pipe' })
  // @ts-expect-error: no such option
  await spawn('./model.py', { timout: 5 })
  // @ts-expect-error: no such target
  await spawn({ file: './model.py' })
  // @ts-expect-error: a number of threads
  await spawn('./model.py', { threads: 'auto' })
  // @ts-expect-error: no such option of restart
  await spawn('./model.py', { restart: { tries: 3 } })
  // @ts-expect-error: options of calls are for with()
  await spawn('./model.py', { signal: AbortSignal.timeout(5) })
}

export async function events(py: Bridge) {
  py.on('stdout', line => expectType(line).is<string>())
  py.on('stderr', line => expectType(line).is<string>())
  py.on('log', record => {
    expectType(record).is<LogRecord>()
    expectType(record.level).is<number>()
    expectType(record.time).is<Date>()
    expectType(record.exception).is<string | undefined>()
  })
  py.on('exit', exit => {
    expectType<Exit['code']>().is<number | null>()
    expectType(exit.signal).is<string | null>()
  })
  py.on('restart', ({ attempt, reason }) => {
    expectType(attempt).is<number>()
    expectType(reason).is<Error | 'watch'>()
  })
  py.on('error', error => expectType(error).is<Error>())
  // @ts-expect-error: no such event
  py.on('stdin', () => {})
  // @ts-expect-error: a line is a string
  py.on('stdout', (_line: Buffer) => {})
}

export async function life(py: Bridge) {
  expectType(py.pid).is<number>()
  expectType(py.closed).is<boolean>()
  expectType(py.stats()).is<BridgeStats>()
  expectType<BridgeStats['copiedBytes']>().is<number>()
  expectType(py.stats().worker).is<SideStats>()
  expectType(py.stats().batches).is<Readonly<Record<string, BatchStats>>>()
  expectType(py.batches).is<ReadonlyMap<string, BatchHistograms>>()
  expectType<BatchStats['size']>().is<Timing>()
  expectType(py.close()).is<Promise<void>>()
  expectType(py.close({ grace: 1000, force: false })).is<Promise<void>>()
  const disposable: AsyncDisposable = py
  // @ts-expect-error: a figure is not set
  py.stats().calls = 0
  return disposable
}

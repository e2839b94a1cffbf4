import {
  type BatchHistograms,
  type BatchStats,
  type Bridge,
  type CloseOptions,
  type Histograms,
  kwargs,
  type LogRecord,
  type MapOptions,
  type Pool,
  type PoolExit,
  type PoolOptions,
  type PoolStats,
  pool,
  type RemoteObject,
  type Restart,
  type RestartReason,
  type Tensor,
  type Timing,
  type WorkerStats,
} from 'isthmus'
import { expectType } from './expect-type.js'

export async function making() {
  expectType(pool('./model.py')).is<Promise<Pool>>()
  const options: PoolOptions = { workers: 4, concurrency: 2, threads: 2, restart: false }
  await pool(new URL('file:///model.py'), options)
  // @ts-expect-error: no such option
  await pool('./model.py', { worker: 4 })
  // @ts-expect-error: a number
  await pool('./model.py', { workers: 'auto' })
}

export async function calls(workers: Pool, rows: Tensor<'float32'>, into: Tensor<'float64'>) {
  expectType(workers.call('step', 1)).is<Promise<unknown>>()
  expectType(workers.callSync('step', 1)).is<unknown>()
  expectType(workers.create('Simulation')).is<Promise<RemoteObject>>()
  expectType(workers.with({ affinity: 7 }).call('step')).is<Promise<unknown>>()
  expectType(workers.broadcast('load', kwargs({ path: 'x' }))).is<Promise<unknown[]>>()

  // map gives back the tensor that it was to write into, or an array of results
  expectType(workers.map('step', rows)).is<Promise<unknown[]>>()
  expectType(workers.map('step', [1, 2], { chunk: 1, args: [1] })).is<Promise<unknown[]>>()
  expectType(workers.map('step', rows, { into })).is<Promise<Tensor<'float64'>>>()
  const options: MapOptions = { signal: AbortSignal.timeout(5) }
  await workers.map('step', rows, options)
  // @ts-expect-error: rows of a tensor, or items of an array
  await workers.map('step', new Set([1]))
  // @ts-expect-error: into is a tensor
  await workers.map('step', rows, { into: new Float64Array(3) })
  // @ts-expect-error: no such option
  await workers.map('step', rows, { chunks: 3 })
  // @ts-expect-error: a bridge has one worker
  await ({} as Bridge).broadcast('load')
}

export function events(workers: Pool) {
  workers.on('stdout', (line, worker) => {
    expectType(line).is<string>()
    expectType(worker).is<number>()
  })
  workers.on('log', (record, worker) => {
    expectType(record).is<LogRecord>()
    expectType(worker).is<number>()
  })
  workers.on('exit', exit => expectType(exit).is<PoolExit>())
  workers.on('restart', restart => {
    expectType(restart).is<Restart>()
    expectType(restart.reason).is<RestartReason>()
    expectType<RestartReason>().is<Error | 'watch'>()
  })
  workers.on('error', error => expectType(error).is<Error>())
  workers.on('drain', () => {})
  // @ts-expect-error: drain says nothing
  workers.on('drain', (_: number) => {})
}

export async function life(workers: Pool) {
  expectType(workers.size).is<number>()
  expectType(workers.closed).is<boolean>()
  expectType(workers.histograms).is<Histograms>()
  expectType(workers.histograms.wait.percentile(99)).is<number>()
  expectType(workers.stats()).is<PoolStats>()
  expectType(workers.stats().wait).is<Timing>()
  expectType(workers.batches).is<ReadonlyMap<string, BatchHistograms>>()
  expectType<PoolStats['batches']>().is<Readonly<Record<string, BatchStats>>>()
  expectType<PoolStats['workers']>().is<readonly WorkerStats[]>()
  expectType<WorkerStats['state']>().is<'ready' | 'starting' | 'down'>()
  const options: CloseOptions = { grace: 1000, force: false }
  expectType(workers.close(options)).is<Promise<void>>()
  // @ts-expect-error: milliseconds
  await workers.close({ grace: true })
  const disposable: AsyncDisposable = workers
  return disposable
}

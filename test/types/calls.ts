import {
  type Bridge,
  type Caller,
  type Callers,
  type CallOptions,
  type ItemStream,
  keep,
  kwargs,
  type RemoteFunction,
  type RemoteObject,
} from 'isthmus'
import { expectType } from './expect-type.js'

export async function calls(py: Bridge) {
  // The two processes share no types: the caller says what a result is.
  expectType(py.call('step', 1, kwargs({ method: 'euler' }))).is<Promise<unknown>>()
  expectType(py.callSync('step', 1)).is<unknown>()
  expectType(py.fn.step!(1, kwargs({ dt: 1 }))).is<Promise<unknown>>()
  expectType(py.fn.linalg!.norm!(1)).is<Promise<unknown>>()
  expectType(py.fn.step).is<RemoteFunction | undefined>()
  // @ts-expect-error: a name is a string
  await py.call(5)
  // @ts-expect-error: a name is a string
  py.callSync(Symbol('step'))
  // @ts-expect-error: keywords are an object
  kwargs(5)
  // @ts-expect-error: fn is not assigned to
  py.fn = {}
}

export async function streams(py: Bridge) {
  const stream = py.stream('simulate', 10)
  expectType(stream).is<ItemStream<unknown>>()
  for await (const item of stream) expectType(item).is<unknown>()
  expectType(stream.next()).is<Promise<IteratorResult<unknown>>>()
  expectType(stream.return()).is<Promise<IteratorResult<unknown>>>()
  const frames = py.stream('simulate') as ItemStream<{ readonly step: number }>
  for await (const { step } of frames) expectType(step).is<number>()
  const disposable: AsyncDisposable = stream
  // @ts-expect-error: a stream is read with for await
  for (const _ of stream);
  // @ts-expect-error: a stream is no promise
  stream.then()
  return disposable
}

export async function objects(py: Bridge) {
  const sim = await py.create('Simulation', 100)
  expectType(sim).is<RemoteObject>()
  expectType(sim.call('step', 0.01)).is<Promise<unknown>>()
  expectType(sim.callSync('step', 0.01)).is<unknown>()
  expectType(sim.stream('frames')).is<ItemStream<unknown>>()
  expectType(sim.fn.step!(0.01)).is<Promise<unknown>>()
  expectType(sim.with({ timeout: 5 })).is<Caller>()
  expectType(sim.dispose()).is<void>()
  expectType(py.with({ timeout: 5 }).create('Simulation')).is<Promise<RemoteObject>>()
  const disposable: Disposable = sim
  // @ts-expect-error: methods are called by name, or as properties of fn
  sim.step(0.01)
  // @ts-expect-error: an object has no events
  sim.on('exit', () => {})
  return disposable
}

export async function callbacks(py: Bridge) {
  await py.call('fit', (step: number, loss: number) => step < 10 && loss > 0.1)
  await py.call('fit', async () => {})
  await py.call('mean_of', new Set([1]).values())
  await py.call(
    'subscribe',
    keep((text: string) => text),
  )
  // @ts-expect-error: keep takes a function
  keep([1, 2])
  // @ts-expect-error: keep takes a function
  keep()
}

export async function options(py: Bridge) {
  const all: CallOptions = {
    signal: AbortSignal.timeout(5),
    timeout: 10,
    kill: true,
    window: 16,
    affinity: 'session 7',
    onProgress: (fraction, text) => {
      expectType(fraction).is<number>()
      expectType(text).is<string | undefined>()
    },
  }
  expectType(py.with(all)).is<Caller>()
  expectType(py.with(all).with({ kill: 100 })).is<Caller>()
  const callers: Callers[] = [py, py.with({}), await py.create('Simulation')]
  await py.with({ timeout: 5 }).fn.step!()
  // @ts-expect-error: no such option
  py.with({ timeot: 5 })
  // @ts-expect-error: a signal, not its controller
  py.with({ signal: new AbortController() })
  // @ts-expect-error: milliseconds
  py.with({ timeout: '5s' })
  // @ts-expect-error: true, false or milliseconds
  py.with({ kill: 'yes' })
  // @ts-expect-error: progress has a fraction and a text
  py.with({ onProgress: (_fraction: string) => {} })
  // @ts-expect-error: options are not given to call()
  callers[0]?.call({ timeout: 5 }, 'step')
}

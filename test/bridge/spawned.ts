// Workers of a test: closed when it ends, and seen to be gone.
import { join } from 'node:path'
import { inspect } from 'node:util'
import { type Bridge, type Exit, type SpawnOptions, spawn, type Target } from 'isthmus'
import { until } from '../fixtures/watchdog.js'

/** What it waits for is shown when a test waits for so long. Milliseconds. */
const watchdogTime = 60_000

/** @param target the name of a file in test/fixtures, or what spawn() takes */
export async function spawned(
  t: { teardown(work: () => Promise<void>): unknown },
  target: Exclude<Target, URL>,
  options: SpawnOptions = {},
): Promise<Bridge> {
  const py = await spawn(typeof target === 'string' ? fixture(target) : target, options)
  const watchdog = setTimeout(() => {
    console.error(`worker ${py.pid} is still there:`, inspect(py.stats()))
  }, watchdogTime).unref()
  t.teardown(async () => {
    clearTimeout(watchdog)
    await py.close()
    if (isAlive(py.pid)) throw new Error(`worker ${py.pid} outlived close()`)
  })
  return py
}

/** The interpreter of these tests, for a script that lies elsewhere. */
export const python = process.env.ISTHMUS_PYTHON ?? join(process.cwd(), '.venv/bin/python')

export const fixture = (name: string) => new URL(`../fixtures/${name}`, import.meta.url)

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** What a promise rejects with. */
export async function rejection<E extends Error = Error & { code: string }>(
  promise: Promise<unknown>,
): Promise<E> {
  const value = await promise.then(
    value => value,
    (error: unknown) => new Rejection(error),
  )
  if (value instanceof Rejection) return value.error as E
  throw new Error(`expected a rejection, not ${inspect(value)}`)
}

class Rejection {
  constructor(readonly error: unknown) {}
}

/** Resolves when neither side holds a tensor and no call is pending; the worker has a function `echo`. */
export const released = (py: Bridge): Promise<void> =>
  until(
    'nothing is held',
    async () => {
      globalThis.gc!()
      await new Promise(resolve => setImmediate(resolve)) // finalizers have their own turn
      await py.call('echo', 0) // what Python says about blocks arrives with its answers
      const { leases, ownBlocks, borrowedBlocks, pending } = py.stats()
      return leases === 0 && ownBlocks === 0 && borrowedBlocks === 0 && pending === 0
    },
    () => py.stats(),
  )

/** The next line of a stream that `wanted` matches. */
export const line = (py: Bridge, stream: 'stdout' | 'stderr', wanted: RegExp): Promise<string> =>
  awake(resolve => {
    const look = (text: string) => {
      if (!wanted.test(text)) return
      py.off(stream, look)
      resolve(text)
    }
    py.on(stream, look)
  })

export const exitOf = (py: Bridge): Promise<Exit> => awake(resolve => py.once('exit', resolve))

/** An idle bridge does not keep Node alive; what waits for one must. */
async function awake<T>(start: (resolve: (value: T) => void) => void): Promise<T> {
  const timer = setInterval(() => {}, watchdogTime)
  try {
    return await new Promise(start)
  } finally {
    clearInterval(timer)
  }
}

/** What Python has noted (`events()` of the module), once it has noted so much. */
export async function noted(py: Bridge, count: number): Promise<unknown[]> {
  let events: unknown[] = []
  await until(
    `${count} events`,
    async () => {
      events = (await py.call('events')) as unknown[]
      return events.length >= count
    },
    () => ({ events, stats: py.stats() }),
  )
  return events
}

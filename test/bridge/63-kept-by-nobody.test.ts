// What nobody keeps is collected, whatever comes next: a bridge or a pool does not go on referring to it. (DESIGN 3.5)
import type { Bridge, Pool } from 'isthmus'
import t from 'tap'
import { basics, bridgeFor, call, type Doubles } from '../fixtures/bridges.js'
import { gateFor, poolFor } from '../fixtures/pools.js'
import { segmentsOf } from '../fixtures/processes.js'
import { until, within } from '../fixtures/watchdog.js'

const length = 131_072 // 1 MiB of float64

async function ramp(py: Bridge | Pool, start: number): Promise<WeakRef<object>> {
  return new WeakRef((await py.call('ramp', start, length)) as Doubles)
}

/** Whether everything that these refer to is collected, with no further call. */
const collected = (results: readonly WeakRef<object>[]) =>
  until(
    'all are collected',
    async () => {
      globalThis.gc!()
      await new Promise(resolve => setImmediate(resolve)) // finalizers have their own turn
      return results.every(result => result.deref() === undefined)
    },
    () => results.filter(result => result.deref() !== undefined).length,
  )

t.test('a bridge keeps no result, not even the last', async t => {
  const py = await bridgeFor(t, { source: basics })
  await collected([await ramp(py, 0)])
})

t.test('a pool keeps no result, also of calls that had to wait', async t => {
  const py = await poolFor(t, { workers: 1 })
  const ramps = Array.from({ length: 20 }, (_, at) => ramp(py, at))
  await collected(await within('calls', Promise.all(ramps)))
})

t.test('a pool whose calls always wait keeps no result either', async t => {
  const py = await poolFor(t, { workers: 1 })
  const gate = gateFor(t)
  const ramps = Array.from({ length: 20 }, (_, at) => ramp(py, at))
  const blocked = py.call('wait_for', gate.path)
  const waiting = Array.from({ length: 20 }, (_, at) => py.call('double', at))
  await collected(await within('calls', Promise.all(ramps)))
  t.ok(py.stats().queued > 0)
  gate.open()
  await within('the others', Promise.all([blocked, ...waiting]))
})

t.test('a large result that nobody keeps is not kept either', async t => {
  const py = await bridgeFor(t, { source: basics })
  const megabytes = 64
  await call(py, 'same', 'warm')
  globalThis.gc!()
  const before = process.memoryUsage().arrayBuffers
  const answer = await call<string>(py, 'same', 'x'.repeat(megabytes * 2 ** 20))
  t.equal(answer.length, megabytes * 2 ** 20)
  const more = () => (process.memoryUsage().arrayBuffers - before) / 2 ** 20
  await until(
    'its bytes are gone',
    async () => {
      globalThis.gc!()
      await new Promise(resolve => setImmediate(resolve))
      return more() < megabytes / 2
    },
    more,
  )
})

t.test('after close(), memory goes with the last view of it', async t => {
  const py = await bridgeFor(t, { source: basics })
  let data: Float64Array | undefined = (await call<Doubles>(py, 'ramp', 0, length)).data
  await within('close', py.close())
  t.equal(data[1], 1)
  t.not(segmentsOf('self').length, 0)
  data = undefined
  await until(
    'no segment is left',
    async () => {
      globalThis.gc!()
      await new Promise(resolve => setImmediate(resolve))
      return segmentsOf('self').length === 0
    },
    () => segmentsOf('self'),
  )
  t.ok(py.closed)
})

// Spawning and closing again and again leaves nothing behind: no descriptor, no mapping, no shared memory.
import { spawn } from 'isthmus'
import t from 'tap'
import { basics, type Doubles } from '../fixtures/bridges.js'
import {
  descriptorsOf,
  isAlive,
  mappingsOf,
  segmentsOf,
  shmemBytes,
} from '../fixtures/processes.js'
import { until, within } from '../fixtures/watchdog.js'

const rounds = Number(process.env.ISTHMUS_SPAWNS ?? 200)
/** Other programs on the machine have shared memory too. One bridge here touches 16 MiB and more. */
const tolerance = 64 * 2 ** 20

async function round(): Promise<number> {
  const py = await within('spawn', spawn({ source: basics }, { memory: '64MiB' }))
  const { pid } = py
  const own = py.tensor('float64', [2 ** 20])
  own.data.fill(1)
  const result = (await within('ramp', py.call('ramp', 0, 2 ** 20))) as Doubles
  if ((await within('total', py.call('total', own))) !== 2 ** 20) throw new Error('wrong')
  if (result.data[5] !== 5) throw new Error('wrong')
  own.dispose()
  result.dispose()
  await within('close', py.close())
  return pid
}

const segments = () => mappingsOf('self').filter(line => line.includes('memfd:isthmus'))
const figures = () => ({
  descriptors: [...descriptorsOf('self').values()],
  segments: segments(),
  mappings: mappingsOf('self').length,
  shmem: shmemBytes(),
})

async function collected(): Promise<void> {
  for (let time = 0; time < 3; time++) {
    globalThis.gc!()
    await new Promise(resolve => setImmediate(resolve))
  }
}

t.test(
  'a bridge that was closed holds no shared memory, without waiting for a garbage collection',
  async t => {
    const before = shmemBytes()
    for (let time = 0; time < 10; time++) await round()
    const after = shmemBytes()
    t.ok(
      after - before < tolerance,
      `${(after - before) / 2 ** 20} MiB more after 10 rounds of 16 MiB`,
    )
    t.same(segmentsOf('self'), [], 'no segment is open')
    t.same(segments(), [], 'no segment is mapped')
  },
)

t.test(`${rounds} spawns and closes in sequence leak nothing`, { timeout: 280_000 }, async t => {
  await round()
  await collected()
  const before = figures()
  const pids: number[] = []
  for (let time = 0; time < rounds; time++) pids.push(await round())
  await until(
    'everything is closed',
    async () => {
      await collected()
      return descriptorsOf('self').size <= before.descriptors.length && segments().length === 0
    },
    figures,
  )
  const after = figures()
  t.same(after.descriptors.sort(), before.descriptors.sort())
  t.same(segmentsOf('self'), [])
  t.ok(after.mappings < before.mappings + 20, `${before.mappings} mappings, then ${after.mappings}`)
  t.ok(after.shmem - before.shmem < tolerance, `${before.shmem} bytes, then ${after.shmem}`)
  t.same(pids.filter(isAlive), [])
})

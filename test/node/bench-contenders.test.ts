// The contenders that need nothing installed give right values, for arrays of every way in which frames arrive.
import t, { type Test } from 'tap'
import type { Session } from '../../bench/contender.js'
import { contenders } from '../../bench/contenders/index.js'
import { manifests } from '../../bench/packages.js'

const kBytes = [64, 65_536, 1_500_000]
const kItems = 3000

async function open(name: string): Promise<Session> {
  const start = await contenders[name]?.load()
  if (!start) throw new Error(`no contender ${name}`)
  return start({ spin: undefined })
}

async function checkArrays(test: Test, session: Session, bytes: number): Promise<void> {
  const length = bytes / 4
  const parcel = session.place(length)
  for (const mark of [1, 2]) {
    parcel.data.fill(0.25)
    parcel.data[0] = parcel.data[length - 1] = mark
    test.equal(await session.inbound(parcel), 2 * mark)
    const out = await session.outbound(length, mark)
    test.same([out.data.length, out.data[0], out.data[length - 1]], [length, mark, mark])
    const doubled = await session.double(parcel)
    test.same([doubled.data[0], doubled.data[length - 1]], [2 * mark, 2 * mark])
    const { data } = await session.echo(parcel)
    test.same([data.length, data[0]], [length, mark + 1])
  }
}

for (const name of [
  'msgpack-socket',
  'msgpack-stdio',
  'raw-socket',
  'shm-file-heap',
  'json-stdio',
  'worker-copy',
  'worker-transfer',
]) {
  t.test(`${name}: calls, arrays and streams are right`, async test => {
    const session = await open(name)
    test.teardown(() => session.close())
    const sums = await Promise.all(Array.from({ length: 100 }, (_, i) => session.add(i, 1000)))
    test.same(
      sums,
      sums.map((_, i) => i + 1000),
    )
    for (const bytes of kBytes) await checkArrays(test, session, bytes)
    const value = { list: [1, 2.5, null, true, 'ä'], map: { empty: [], nested: [[{}]] } }
    if (session.nested) test.same(await session.nested(value), value)
    let count = 0
    for await (const item of session.numbers?.() ?? []) {
      if (item !== count) test.equal(item, count)
      if (++count === kItems) break
    }
    let frames = 0
    for await (const { data } of session.frames?.(100_000) ?? []) {
      test.same([data.length, data[0], data[data.length - 1]], [25_000, frames, frames])
      if (++frames === 5) break
    }
    test.equal(await session.add(1, 2), 3, 'a stream that was left is no obstacle')
  })
}

t.test('what a contender needs from npm is pinned', async test => {
  for (const [name, { npm }] of Object.entries(contenders))
    if (npm !== undefined) test.ok(manifests[npm], `${name} needs ${npm}`)
})

t.test('every other process has variants on one core and on two', async test => {
  for (const [name, { kind, cores, ownCase }] of Object.entries(contenders)) {
    if (kind !== 'rival' || cores || ownCase) continue
    test.equal(contenders[`${name}-one-core`]?.cores, 'one')
    test.equal(contenders[`${name}-two-cores`]?.cores, 'two')
  }
})

// One tensor, many workers: it lies in memory once. (DESIGN 3.4: a borrower may lend on)
import type { Tensor } from 'isthmus'
import t from 'tap'
import { all, keyFor, next, pidsOf, poolFor, settledPool } from '../fixtures/pools.js'
import { until, within } from '../fixtures/watchdog.js'

type Doubles = Tensor<'float64'>
const length = 100_000
const sum = (start: number) => start * length + (length * (length - 1)) / 2

t.test('a tensor of Node goes to every worker without a copy', async t => {
  const py = await poolFor(t, { workers: 3 })
  const tensor = py.tensor('float64', [length])
  tensor.data.fill(2)
  t.same(await within('broadcast', py.broadcast('total', tensor)), Array(3).fill(2 * length))
  t.equal(py.stats().copiedBytes, 0)
  tensor.dispose()
  await settledPool(
    py,
    'nothing is left',
    ({ ownBlocks, leases }) => ownBlocks === 0 && leases === 0,
  )
})

t.test('a result of one worker is an argument of another, without a copy', async t => {
  const py = await poolFor(t, { workers: 3 })
  const made = (await within('broadcast', py.broadcast('ramp', 5, length))) as Doubles[]
  t.equal(made.length, 3)
  for (const tensor of made)
    t.same(await within('broadcast', py.broadcast('total', tensor)), Array(3).fill(sum(5)))
  t.equal(py.stats().copiedBytes, 0)
  for (const tensor of made) tensor.dispose()
  await settledPool(
    py,
    'nothing is left',
    stats => stats.borrowedBlocks === 0 && stats.leases === 0,
  )
})

t.test('a tensor outlives the worker that made it, and goes to its successor', async t => {
  const py = await poolFor(t, { restart: { delay: 1 } })
  const [made] = (await within('broadcast', py.broadcast('ramp', 7, length))) as [Doubles, Doubles]
  const restarted = next(py, 'restart')
  process.kill(pidsOf(py)[0]!, 'SIGKILL')
  await restarted
  t.equal(made.data[length - 1], length + 6)
  t.same(await within('broadcast', py.broadcast('total', made)), [sum(7), sum(7)])
  t.equal(py.stats().copiedBytes, 0)
  made.dispose()
})

t.test(
  'workers keep each other’s tensors: the bytes stay until the last has given them up',
  async t => {
    const py = await poolFor(t, { restart: { delay: 1 } })
    const [made] = (await within('broadcast', py.broadcast('ramp', 1, length))) as [Doubles]
    await within('broadcast', py.broadcast('keep', made))
    made.dispose()
    const [first, second] = pidsOf(py)
    const restarted = next(py, 'restart')
    process.kill(first!, 'SIGKILL')
    await restarted
    // Its owner is dead, Node has given it up: the second worker still has it.
    t.equal(pidsOf(py)[1], second)
    const other = py.with({ affinity: await keyFor(py, 1) })
    t.equal(await within('last_kept', other.call('last_kept')), sum(1))
    await settledPool(py, 'one lease', ({ leases }) => leases === 1)
    process.kill(second!, 'SIGKILL')
    await next(py, 'restart')
    await settledPool(
      py,
      'no lease',
      ({ leases, borrowedBlocks }) => leases === 0 && borrowedBlocks === 0,
    )
  },
)

t.test(
  'a worker that is asleep gets its memory back from one that has used it, or died',
  async t => {
    const py = await poolFor(t, { restart: { delay: 1 }, retain: 0 })
    const lender = py.with({ affinity: await keyFor(py, 0) })
    const borrower = py.with({ affinity: await keyFor(py, 1) })
    const bytes = 9_000_000 * 8 // returns of less do not wake anybody
    const before = py.stats().physicalBytes
    for (const end of [
      () => borrower.call('forget'),
      async () => process.kill(pidsOf(py)[1]!, 'SIGKILL'),
    ]) {
      const made = (await within('ramp', lender.call('ramp', 0, bytes / 8))) as Doubles
      await within('keep', borrower.call('keep', made))
      made.dispose()
      await within('pid', lender.call('pid'))
      t.ok(py.stats().physicalBytes >= before + bytes)
      await end()
      await until(
        'the lender has freed it',
        () => py.stats().physicalBytes < before + bytes / 2,
        () => py.stats(),
      )
    }
  },
)

t.test('many tensors between many workers: all sums are right, nothing is left', async t => {
  const py = await poolFor(t, { workers: 3, concurrency: 4 })
  for (let round = 0; round < 5; round++) {
    const made = await all<Doubles>(
      py,
      Array.from({ length: 30 }, (_, at) => py.call('ramp', at, 20_000)),
    )
    const sums = await all(
      py,
      made.flatMap(tensor => [py.call('total', tensor), py.call('total', tensor)]),
    )
    sums.forEach((found, at) => {
      const start = at >> 1
      if (found !== start * 20_000 + (20_000 * 19_999) / 2) t.fail(`sum ${at} is ${found}`)
    })
    for (const tensor of made) tensor.dispose()
  }
  t.equal(py.stats().copiedBytes, 0)
  await settledPool(
    py,
    'nothing is left',
    stats => stats.borrowedBlocks === 0 && stats.leases === 0,
  )
})

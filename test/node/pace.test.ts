import t from 'tap'
import { Pace } from '#src/pace.js'

interface Test {
  ok(value: unknown, words: string): unknown
}

const near = (t: Test, actual: number, wanted: number, tolerance: number) =>
  t.ok(Math.abs(actual - wanted) <= tolerance, `${actual} is near ${wanted}`)

/** A pace that has seen batches of many sizes. */
function experienced(fixed: number, item: number, maxDelay = 2): Pace {
  const pace = new Pace(maxDelay)
  for (let n = 1; n <= 32; n++) pace.measured(n, fixed + item * n)
  return pace
}

/** Arrivals from 0 on, `gap` apart. @returns when the last one came */
function arrivals(pace: Pace, count: number, gap: number, start = 0): number {
  for (let i = 0; i < count; i++) pace.arrived(start + i * gap)
  return start + (count - 1) * gap
}

t.test('the cost of a batch is told from batches of several sizes', async t => {
  const pace = experienced(1, 0.02)
  near(t, pace.fixed, 1, 1e-9)
  near(t, pace.perItem, 0.02, 1e-9)
})

t.test('a cost that changes is followed', async t => {
  const pace = experienced(1, 0.02)
  for (let i = 0; i < 200; i++) pace.measured(1 + (i % 32), 5 + 0.5 * (1 + (i % 32)))
  near(t, pace.fixed, 5, 0.01)
  near(t, pace.perItem, 0.5, 0.01)
})

t.test('batches of one size only say nothing of a fixed cost: nobody waits', async t => {
  const pace = new Pace(2)
  for (let i = 0; i < 100; i++) pace.measured(1, 3)
  t.equal(pace.fixed, 0)
  near(t, pace.perItem, 3, 1e-9)
  const last = arrivals(pace, 10, 0.01)
  t.equal(pace.wait(1, last, last, last), 0)
})

t.test('batches of one size after others keep what is known of the slope', async t => {
  const pace = experienced(1, 0.02)
  for (let i = 0; i < 500; i++) pace.measured(8, 1.16)
  near(t, pace.fixed, 1, 1e-6)
})

t.test('neither part of the cost is ever negative', async t => {
  const falling = new Pace(2)
  for (let n = 1; n <= 32; n++) falling.measured(n, 10 / n)
  t.ok(falling.fixed >= 0 && falling.perItem >= 0)
  const convex = new Pace(2)
  for (let n = 1; n <= 32; n++) convex.measured(n, n * n)
  t.ok(convex.fixed >= 0 && convex.perItem >= 0)
})

t.test('the first item of all is not held up', async t => {
  const pace = experienced(1, 0.02)
  pace.arrived(5)
  t.equal(pace.wait(1, 5, 5, 5), 0)
})

t.test('few items that others follow closely wait, many do not', async t => {
  const pace = experienced(1, 0.02)
  const last = arrivals(pace, 50, 0.1)
  t.ok(pace.wait(1, last, last, last) > 0)
  t.ok(pace.wait(9, last, last, last) > 0)
  t.equal(pace.wait(11, last, last, last), 0, 'eleven gaps are longer than what joining saves')
})

t.test('two gaps after the last item, nobody else is waited for', async t => {
  const pace = experienced(1, 0.02)
  const last = arrivals(pace, 50, 0.1)
  near(t, pace.wait(1, last, last, last), 0.2, 1e-9)
  t.ok(pace.wait(1, last, last, last + 0.3) <= 0)
})

t.test('no item waits longer than maxDelay', async t => {
  const pace = experienced(50, 0.02, 2)
  const last = arrivals(pace, 50, 3)
  near(t, pace.wait(2, last - 1.5, last, last), 0.5, 1e-9)
  t.ok(pace.wait(2, last - 2, last, last) <= 0)
  t.ok(experienced(50, 0.02, 0).wait(1, last, last, last) <= 0)
})

t.test('a caller that awaits each call is never held up', async t => {
  for (const cost of [0.05, 1, 10, 100]) {
    const pace = experienced(cost, cost / 50)
    let now = 0
    for (let i = 0; i < 100; i++) {
      pace.arrived(now)
      t.ok(pace.wait(1, now, now, now) <= 0, `call ${i} of ${cost} ms`)
      now += cost + cost / 50
      pace.measured(1, cost + cost / 50)
    }
  }
})

for (const callers of [2, 4, 8, 16])
  t.test(`${callers} callers that wait for the same batch are soon not held up`, async t => {
    const pace = experienced(1, 0.02)
    let now = 0
    let waited = 0
    for (let round = 0; round < 60; round++) {
      for (let i = 0; i < callers; i++) pace.arrived(now + i * 0.001)
      const last = now + callers * 0.001
      const wait = Math.max(0, pace.wait(callers, now, last, last))
      if (round >= 10) waited += wait
      now = last + wait + 1 + 0.02 * callers
      pace.measured(callers, 1 + 0.02 * callers)
    }
    t.equal(waited, 0)
  })

t.test(
  'after a long pause the next item is not held up, and those after it are soon gathered',
  async t => {
    const pace = experienced(1, 0.02)
    arrivals(pace, 50, 0.1)
    pace.arrived(3_600_000)
    t.equal(pace.wait(1, 3_600_000, 3_600_000, 3_600_000), 0)
    const last = arrivals(pace, 40, 0.1, 3_600_000.1)
    t.ok(pace.wait(1, last, last, last) > 0)
  },
)

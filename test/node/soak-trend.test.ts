// The judgement of the soak: it finds a leak in noise, and no trend where there is none.
import t from 'tap'
import { Random } from '../soak/random.js'
import { judge, type Point, slopeOf } from '../soak/trend.js'

const series = { key: 'x', name: 'x', unit: 'MB', allowed: 32 } as const

/** One point a second for ten minutes. */
const points = (value: (at: number) => number): Point[] =>
  Array.from({ length: 600 }, (_, second) => ({ at: second + 1, value: value(second + 1) }))

/** The saw of a garbage collector with some noise, around 100 MB. */
function saw(seed: number): (at: number) => number {
  const random = new Random(seed)
  return at => 100 + (at % 17) + 10 * random.fraction()
}

t.test('the slope of a line is found exactly, with points that lie far off', async t => {
  const line = points(at => (at % 10 === 0 ? 1e6 : 2 + 3 * at))
  t.ok(Math.abs(slopeOf(line.slice(0, 50))!.slope - 3) < 1e-9)
})

t.test('noise without a trend does not rise', async t => {
  for (let seed = 0; seed < 100; seed++) {
    const verdict = judge(series, points(saw(seed)))!
    t.notOk(verdict.rises, `seed ${seed}: ${JSON.stringify(verdict)}`)
    t.ok(verdict.low <= 0 && verdict.high >= 0, `seed ${seed}: 0 is in the interval`)
  }
})

t.test('a leak of 100 MB an hour in that noise does', async t => {
  for (let seed = 0; seed < 100; seed++) {
    const noise = saw(seed)
    const verdict = judge(
      series,
      points(at => noise(at) + (100 / 3600) * at),
    )!
    t.ok(verdict.rises, `seed ${seed}: ${JSON.stringify(verdict)}`)
    t.ok(verdict.low < 100 && verdict.high > 100, `seed ${seed}: the slope is in the interval`)
  }
})

t.test('what is lost once a minute does', async t => {
  const verdict = judge(
    { ...series, unit: '', allowed: 6 },
    points(at => 80 + Math.floor(at / 60)),
  )!
  t.ok(verdict.rises)
})

t.test('the warm-up does not count', async t => {
  const settled = points(saw(1))
  const grew = settled.map(({ at, value }) => ({
    at,
    value: at < 120 ? value - (120 - at) : value,
  }))
  t.same(judge(series, grew), judge(series, settled))
})

t.test('too few points say nothing', async t => {
  t.equal(slopeOf(points(at => at).slice(0, 3)), undefined)
})

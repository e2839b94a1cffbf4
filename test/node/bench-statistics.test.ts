// Ratios of the benchmarks and their intervals, against values computed by hand and against chance.
import t from 'tap'
import { agree, median, ratioOf, studentT } from '../../bench/statistics.js'

t.test("Student's t has the values of the tables", async t => {
  t.equal(studentT(1), 12.706)
  t.equal(studentT(2), 4.303)
  t.equal(studentT(4), 2.776)
  t.equal(studentT(9), 2.262)
  t.equal(studentT(30), 2.042)
  t.equal(studentT(1000), 2.042, 'above 30, that of 30: never too narrow')
  t.throws(() => studentT(0), /degrees of freedom: 0/)
})

t.test(
  'a ratio is the geometric mean of the rounds, with the t interval of its logarithm',
  async t => {
    // ln 2, ln 4, ln 8: mean ln 4, standard deviation ln 2, t(2) = 4.303; and 0.4 % for the histograms.
    const ratio = ratioOf([20, 40, 80], [10, 10, 10])!
    const width = (4.303 * Math.LN2) / Math.sqrt(3) + 0.004
    t.equal(ratio.rounds, 3)
    t.equal(ratio.value.toPrecision(9), (4).toPrecision(9))
    t.equal(ratio.width!.toPrecision(9), width.toPrecision(9))
    t.equal(ratio.low!.toPrecision(9), (4 * Math.exp(-width)).toPrecision(9))
    t.equal(ratio.high!.toPrecision(9), (4 * Math.exp(width)).toPrecision(9))
  },
)

t.test('what makes a whole round slow leaves the ratio alone', async t => {
  const ratio = ratioOf([20, 60, 40], [10, 30, 20])!
  t.equal(ratio.value.toPrecision(9), (2).toPrecision(9))
  t.equal(ratio.width, 0.004, 'the rounds agree: what is left is the resolution')
})

t.test('one round has no interval, no common round has no ratio', async t => {
  t.strictSame(ratioOf([10], [10, 20]), { value: 1, rounds: 1 })
  t.equal(ratioOf([], [10]), undefined)
  t.equal(ratioOf([0], [10]), undefined)
})

t.test('two ratios agree when they are no further apart than both intervals allow', async t => {
  const at = (value: number, width: number) => ({ value, width, rounds: 5 })
  t.equal(agree(at(10, 0.03), at(10 * Math.exp(0.049), 0.04)), true)
  t.equal(agree(at(10, 0.03), at(10 * Math.exp(0.051), 0.04)), false)
  t.equal(agree(at(10 * Math.exp(0.051), 0.04), at(10, 0.03)), false)
  t.equal(agree({ value: 10, rounds: 1 }, at(10, 1)), undefined)
})

t.test('of runs of the same thing, nineteen in twenty agree', async t => {
  let seed = 1
  const random = () => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31
    return (seed + 1) / (2 ** 31 + 1)
  }
  const normal = () => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random())
  for (const rounds of [3, 5]) {
    const run = () =>
      ratioOf(
        Array.from({ length: rounds }, () => Math.exp(0.3 * normal())),
        Array.from({ length: rounds }, () => Math.exp(0.2 * normal())),
      )!
    const runs = 4000
    const agreed = Array.from({ length: runs }, () => agree(run(), run())).filter(Boolean).length
    t.ok(agreed / runs >= 0.95, `${rounds} rounds: ${agreed} of ${runs}`)
  }
})

t.test('the median is a value that was there', async t => {
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([4, 1, 3, 2]), 2)
  t.ok(Number.isNaN(median([])))
})

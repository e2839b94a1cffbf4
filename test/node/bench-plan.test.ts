// What a run of the benchmarks plans, what it keeps, and when two runs agree.
import t from 'tap'
import { cases } from '../../bench/cases/index.js'
import { fullChoice, normalChoice, quickChoice } from '../../bench/choices.js'
import { compare, comparison } from '../../bench/compare.js'
import { contenders } from '../../bench/contenders/index.js'
import { Estimate } from '../../bench/estimate.js'
import { interval } from '../../bench/format.js'
import { type Options, parseOptions } from '../../bench/options.js'
import { cellsOf, profiles, stepsOf } from '../../bench/plan.js'
import { TimeLeft } from '../../bench/progress.js'
import { type CellResult, type Results, ratiosOf } from '../../bench/results.js'

const options = (...args: string[]): Options => parseOptions(args)!
const estimateFor = (profile: Options['profile']) => new Estimate(profiles[profile].seconds)
const planned = (...args: string[]) => {
  const chosen = options(...args)
  const estimate = estimateFor(chosen.profile)
  const steps = stepsOf(cellsOf(chosen), profiles[chosen.profile], estimate)
  return { steps, ms: steps.reduce((sum, { cell }) => sum + estimate.of(cell), 0) }
}

t.test('the short profiles choose cases, contenders and sizes that exist', async t => {
  for (const choice of [fullChoice, normalChoice, quickChoice])
    for (const [
      name,
      { contenders: named = [], contendersOfSize = {}, sizes = [] },
    ] of Object.entries(choice)) {
      const one = cases[name]
      t.ok(one, name)
      for (const contender of [...named, ...Object.values(contendersOfSize).flat()]) {
        t.ok(contenders[contender], contender)
        t.ok(one?.contenders.includes(contender), `${name} of ${contender}`)
      }
      for (const size of [...sizes, ...Object.keys(contendersOfSize).map(Number)])
        t.ok(one?.sizes.includes(size), `${name} of ${size}`)
    }
})

t.test('each profile is planned within its time and has its rounds', async t => {
  t.ok(planned('--quick').ms <= 40_000, `quick: ${planned('--quick').ms}`)
  const normal = planned()
  t.ok(normal.ms <= 150_000, `default: ${normal.ms}`)
  for (const cell of cellsOf(options()))
    t.equal(
      normal.steps.filter(
        step =>
          step.cell.case === cell.case &&
          step.cell.contender === cell.contender &&
          step.cell.bytes === cell.bytes,
      ).length,
      5,
    )
  const full = planned('--full')
  const more = full.steps.some(({ round }) => round >= profiles.full.rounds[0])
  t.ok(
    full.ms <= profiles.full.budgetMs || !more,
    'rounds that are not needed only within the time',
  )
  const rounds = new Map<string, number>()
  for (const { cell } of full.steps) {
    const name = JSON.stringify(cell)
    rounds.set(name, (rounds.get(name) ?? 0) + 1)
  }
  for (const [name, count] of rounds) {
    const { once } = cases[(JSON.parse(name) as { case: string }).case]!
    t.ok(once ? count === 1 : count >= 3, `${name}: ${count}`)
  }
})

t.test('options choose: cases with all contenders, contenders, sizes', async t => {
  const small = cellsOf(options('--only', 'small'))
  t.equal(small.length, cases.small!.contenders.length)
  const sized = cellsOf(options('--only', 'echo', '--size', '1MB, 64', '--contender', 'isthmus'))
  t.strictSame(
    sized.map(({ bytes }) => bytes),
    [64, 2 ** 20],
  )
  t.throws(() => options('--size', '3MB'), /no case has the size '3MB'; there are: 64 B, /)
  t.throws(() => options('--only', 'echoo'), /no case named 'echoo'/)
  t.throws(() => options('--quick', '--full'), /exclude each other/)
})

t.test('contenders of one case and size are neighbours, in another order each round', async t => {
  const { steps } = planned('--only', 'small')
  const orders = Array.from({ length: 5 }, (_, round) =>
    steps.filter(step => step.round === round).map(({ cell }) => cell.contender),
  )
  for (const order of orders) t.strictSame([...order].sort(), [...orders[0]!].sort())
  t.equal(new Set(orders.map(order => order[0])).size, Math.min(5, orders[0]!.length))
})

t.test('the time left follows what cells took', async t => {
  const cell = (contender: string) => ({ case: 'small', contender, bytes: 0 })
  const steps = [0, 1].flatMap(round =>
    ['isthmus', 'json-stdio'].map(name => ({ cell: cell(name), round })),
  )
  const left = new TimeLeft(steps, () => 100)
  t.equal(left.ms, 400)
  left.ended(300)
  t.equal(left.ms, 3 * 300, 'estimates were a third of what it takes')
  left.ended(0)
  t.equal(left.ms, 300, 'who was skipped is skipped again')
  left.ended(200)
  left.ended(0)
  t.equal(left.ms, 0)
})

const cell = (contender: string, values: number[], more: Partial<CellResult> = {}): CellResult => ({
  case: 'small',
  contender,
  bytes: 0,
  roundP50s: values,
  ...more,
})
const run = (...cells: CellResult[]) =>
  ({
    date: '2026-01-01',
    profile: 'normal',
    spin: 'default',
    seconds: 1,
    machine: { packages: {} },
    cells,
  }) as unknown as Results

t.test('every measure has a ratio in which more than 1 is in favour of Isthmus', async t => {
  const figures = (callsPerSecond: number[]) => ({
    figures: { callsPerSecond: callsPerSecond[0]! },
    roundFigures: { callsPerSecond },
  })
  const results = run(
    cell('isthmus', [10, 10], figures([500, 500])),
    cell('json-stdio', [30, 30], figures([100, 100])),
  )
  const ratios = ratiosOf(results, results.cells[1]!)
  t.strictSame([...ratios.keys()], ['p50', 'callsPerSecond'])
  t.equal(ratios.get('p50')!.value.toFixed(6), '3.000000')
  t.equal(ratios.get('callsPerSecond')!.value.toFixed(6), '5.000000')
  t.equal(ratiosOf(results, results.cells[0]!).size, 0, 'not with itself')
})

t.test('runs are compared cell by cell, where both have an interval', async t => {
  const a = run(
    cell('isthmus', [10, 10]),
    cell('json-stdio', [29, 31]),
    cell('http-fastapi', [100, 101]),
  )
  const b = run(
    cell('isthmus', [10, 10]),
    cell('json-stdio', [30, 32]),
    cell('http-fastapi', [200, 201]),
  )
  t.strictSame(
    compare(a, b).map(({ cell, agrees }) => [cell.contender, agrees]),
    [
      ['json-stdio', true],
      ['http-fastapi', false],
    ],
  )
  t.match(comparison(a, b).text, /1 of 2 cells agree within their intervals: 50\.0 %/)
  t.match(comparison(a, b).text, /small · http-fastapi +p50/)
  t.equal(compare(a, run(cell('isthmus', [10]), cell('json-stdio', [30]))).length, 0)
})

t.test('an interval is written in per cent, and by its ends when it is wide', async t => {
  const ratio = (value: number, width: number) => ({
    value,
    width,
    low: value * Math.exp(-width),
    high: value * Math.exp(width),
    rounds: 5,
  })
  t.equal(interval(ratio(16.1, 0.077)), '16.1 × ± 8 %')
  t.equal(interval(ratio(2, 0.004)), '2 × ± 0.4 %')
  t.equal(interval(ratio(16, 0.7)), '16 × (7.9–32)')
  t.equal(interval({ value: 3.5, rounds: 1 }), '3.50 ×')
})

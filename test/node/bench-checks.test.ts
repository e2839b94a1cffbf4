// The checks that hold a run of the benchmarks against everybody else.
import t from 'tap'
import { cases } from '../../bench/cases/index.js'
import { readingOf } from '../../bench/check.js'
import { comparedCases, leastLead, rivalChecks } from '../../bench/checks-rivals.js'
import type { CellResult, Results } from '../../bench/results.js'

const timed = (name: string, contender: string, p50: number, bytes = 0): CellResult => ({
  case: name,
  contender,
  bytes,
  latency: { p50, p90: p50, p99: p50, p999: p50, max: p50, count: 1 },
})

const counted = (name: string, contender: string, callsPerSecond: number): CellResult => ({
  case: name,
  contender,
  bytes: 0,
  figures: { callsPerSecond },
})

const checksOf = (cells: readonly CellResult[]) => {
  const results = { cells } as Results
  return rivalChecks(results, readingOf(results))
}

const claim = (cells: readonly CellResult[], text: string) =>
  checksOf(cells).find(one => one.claim === text)

t.test('every case that is compared exists', async t => {
  for (const name of Object.keys(comparedCases)) t.ok(cases[name], name)
})

t.test('the least lead is that over the best rival, at the size where it is least', async t => {
  const cells = [
    timed('echo', 'isthmus', 10, 64),
    timed('echo', 'isthmus', 10, 2 ** 20),
    timed('echo', 'msgpack-socket', 80, 64),
    timed('echo', 'msgpack-socket-one-core', 30, 64),
    timed('echo', 'json-stdio', 20, 2 ** 16), // nothing of ours at this size
    timed('echo', 'json-stdio', 500, 2 ** 20),
    timed('echo', 'node-calls-python', 1, 64), // another kind
    timed('in', 'json-stdio', 1, 64), // another case
  ]
  t.strictSame(leastLead({ cells }, ['echo'], { of: 'rival' }), {
    ratio: 3,
    contender: 'msgpack-socket-one-core',
    bytes: 64,
  })
  t.strictSame(leastLead({ cells }, ['echo'], { of: 'rival', from: 2 ** 16 })?.ratio, 50)
  t.equal(leastLead({ cells }, ['echo'], { of: 'threads' }), undefined)
})

t.test('of calls a second more is better', async t => {
  const cells = [counted('in-flight-8', 'isthmus', 300), counted('in-flight-8', 'json-stdio', 600)]
  const found = claim(cells, 'calls/s, 8 in flight: the best other process')
  t.equal(found?.met, false)
  t.equal(found?.seen, '0.500 × (json-stdio)')
})

t.test('a check without its cells is not measured, neither met nor not', async t => {
  for (const found of checksOf([timed('small', 'isthmus', 3)])) {
    t.equal(found.seen, undefined, found.claim)
    t.equal(found.met, undefined)
  }
  const skipped: CellResult = { case: 'small', contender: 'json-stdio', bytes: 0, skipped: 'why' }
  const cells = [timed('small', 'isthmus', 3), skipped]
  t.equal(claim(cells, 'small call: the best other process')?.met, undefined)
})

t.test('the limits of issue 7', async t => {
  const big = 2 ** 28
  const cells: CellResult[] = [
    timed('small', 'isthmus', 3),
    timed('small', 'msgpack-socket', 20), // not on different cores
    timed('small', 'msgpack-socket-two-cores', 36),
    timed('echo', 'isthmus', 6, 64),
    timed('echo', 'isthmus', 6, big),
    timed('echo', 'isthmus', 9, 2 ** 30),
    timed('echo', 'msgpack-socket', 59_999, big),
    { case: 'memory', contender: 'isthmus', bytes: big, figures: { peakMb: 356.1 } },
  ]
  const met = (text: string) => claim(cells, text)?.met
  t.equal(met('small call: the best other process on different cores'), true)
  t.equal(met('echo of 256 MB: the best that serialises'), false)
  t.equal(met('echo of 1 GB: echo of 64 B'), true)
  t.equal(met('echo of 256 MB: peak memory of both processes'), false)
})

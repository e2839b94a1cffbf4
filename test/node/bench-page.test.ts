// The page of a result: it stands alone, its charts say in words what they show, and nothing in it is markup by accident.
import t from 'tap'
import { spread } from '../../bench/charts/drawing.js'
import { pageOf } from '../../bench/page.js'
import { picturesOf } from '../../bench/pictures.js'
import { type CellResult, curveShares, type Results } from '../../bench/results.js'

const latency = (p50: number) => ({ p50, p90: p50, p99: p50, p999: p50, max: p50, count: 5000 })
const timed = (name: string, contender: string, bytes: number, p50: number): CellResult => ({
  case: name,
  contender,
  bytes,
  latency: latency(p50),
  roundP50s: [p50, p50 * 1.1],
  curve: curveShares.map(() => p50),
})
const results = {
  date: '2026-01-01T00:00:00Z',
  profile: 'full',
  spin: 'default',
  seconds: 60,
  machine: {
    cpu: 'a <fast> & new one',
    cpus: 2,
    cores: [0, 1],
    memoryGb: 24,
    kernel: '6.1',
    hugePages: 'always [madvise] never',
    loadBefore: 0.1,
    node: '20.1.0',
    python: '3.11.1',
    packages: { numpy: '2.0.0', fastapi: 'missing' },
    npm: { isthmus: '0.1.0' },
    commit: 'abc',
  },
  cells: [
    timed('small', 'isthmus', 0, 3000),
    timed('small', 'json-stdio', 0, 80_000),
    { case: 'small', contender: 'pymport', bytes: 0, skipped: 'unavailable: <no compiler>' },
    ...[64, 2 ** 20, 2 ** 28].flatMap(size => [
      timed('memcpy', 'floor-memcpy', size, size / 10),
      timed('echo', 'isthmus', size, 9000),
      timed('echo', 'json-stdio', size, size * 10),
    ]),
    ...[1, 64].flatMap(width =>
      ['isthmus', 'json-stdio'].map(contender => ({
        case: `in-flight-${width}`,
        contender,
        bytes: 0,
        figures: { callsPerSecond: width * 1000 },
      })),
    ),
    { case: 'memory', contender: 'isthmus', bytes: 2 ** 28, figures: { peakMb: 300 } },
  ],
} as Results

t.test('a result with every case has every chart, in two widths', async t => {
  const names = picturesOf(results).map(({ name }) => name)
  t.strictSame(names, [
    'ratio-small-0',
    `ratio-echo-${2 ** 20}`,
    `ratio-echo-${2 ** 28}`,
    'latency',
    'percentiles',
    'throughput',
    'memory',
  ])
  const page = pageOf(results)
  t.equal(page.match(/<svg class="wide"/g)?.length, names.length)
  t.equal(page.match(/<svg class="narrow"/g)?.length, names.length)
  t.notMatch(page, /NaN|undefined|Infinity/)
})

t.test('a result without those cases has none of those charts', async t => {
  t.strictSame(picturesOf({ ...results, cells: [] }), [])
  t.match(pageOf({ ...results, cells: [] }), /What crossing costs/)
})

t.test('the page needs nothing from elsewhere', async t => {
  const page = pageOf(results)
  t.notMatch(page, /<script|<link|<img|@import|url\(/)
  const addresses = [...page.matchAll(/https?:\/\/[^"\s<)]+/g)].map(([address]) => address)
  t.strictSame([...new Set(addresses)], ['http://www.w3.org/2000/svg'])
})

t.test('every chart has a title and a description of its own', async t => {
  const page = pageOf(results)
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
  t.equal(new Set(ids).size, ids.length)
  for (const [, title, description] of page.matchAll(/aria-labelledby="(\S+) (\S+)"/g))
    t.ok(ids.includes(title) && ids.includes(description), `${title}`)
  t.match(page, /latency-wide-desc">Latency of an echo .* json-stdio 2\.68 s/)
})

t.test('texts are texts: of the machine, and of reasons', async t => {
  const page = pageOf({ ...results, incomplete: 'interrupted after 3 of 9 steps' })
  t.match(page, 'a &lt;fast&gt; &amp; new one')
  t.notMatch(page, 'fastapi', 'what is missing has no version')
  t.match(page, 'unavailable: &lt;no compiler&gt;')
  t.match(page, 'This run is incomplete: interrupted after 3 of 9 steps')
})

t.test('labels keep their distance and their order, and stay as near as they can', async t => {
  t.strictSame(spread([10, 100, 50], 14, 0, 200), [10, 100, 50])
  t.strictSame(spread([100, 100, 100], 14, 0, 200), [86, 100, 114])
  t.strictSame(spread([199, 199], 14, 0, 200), [186, 200])
  t.strictSame(spread([1, 0], 14, 0, 200), [14, 0])
})

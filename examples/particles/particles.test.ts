import { decode, encode } from 'fast-png'
import t from 'tap'
import { inferno } from './colour.js'
import { energyChart } from './energy-chart.js'
import { EnergyHistory } from './energy-history.js'
import { densityOf } from './field.js'
import { glyphPixel } from './font.js'
import { type Options, parseOptions, runOf } from './options.js'
import { drawParticles } from './picture.js'
import { Pace } from './progress.js'
import { formatReport, type Report } from './report.js'

t.test('options: defaults, values, help', async t => {
  const options = parseOptions(['--particles', '1_000', '--dt=0.01', '--json']) as Options
  t.match(options, { run: { particles: 1000, dt: 0.01 }, json: true, picture: 'particles.png' })
  t.match(runOf(options), { particles: 1000, dt: 0.01, steps: 2000, seed: 1, every: 100 })
  t.match(parseOptions([]), { workers: 1, save: undefined, energyPicture: 'particles-energy.svg' })
  t.equal((parseOptions(['--energy-picture', 'e.svg']) as Options).energyPicture, 'e.svg')
  t.match(parseOptions(['--save', 'd', '--every=7']), { save: 'd', run: { every: 7 } })
  t.match(parseOptions(['--help']), /--temperature T/)
})

t.test('options: what cannot be done is refused in one line', async t => {
  const cases: [string[], RegExp][] = [
    [['--particle', '5'], /unknown option --particle: did you mean --particles\?/],
    [['--wrong=1'], /^unknown option --wrong$/],
    [['--particles', 'many'], /--particles must be a whole number from 1 to .*'many'/],
    [['--particles', '1.5'], /whole number/],
    [['--particles', ''], /whole number/],
    [['--steps', '0'], /--steps/],
    [['--dt', '0'], /--dt must be a number above 0/],
    [['--dt', 'NaN'], /--dt/],
    [['--temperature=-1'], /--temperature/],
    [['--seed'], /--seed/],
    [['--workers', '0'], /--workers must be a whole number from 1 to 64/],
    [['--save', ''], /--save needs the name of a folder/],
    [['--every', '5'], /--every needs --save/],
    [['--save', 'd', '--every', '0'], /--every must be/],
    [['--picture', ''], /--picture needs the name of a file/],
    [['twice'], /twice/],
  ]
  for (const [args, message] of cases) {
    t.throws(() => parseOptions(args), { message, code: 'USAGE' }, args.join(' '))
    t.throws(() => parseOptions(args), { message: /^[^\n]+$/ })
  }
})

t.test('options: a resumed run is the one that was saved', async t => {
  const run = { ...runOf(parseOptions([]) as Options), particles: 600, steps: 30, dt: 0.1 }
  const resumed = (...args: string[]) =>
    runOf(parseOptions(['--resume', 'd', ...args]) as Options, { run, step: 20 })
  t.same(resumed(), run)
  t.same(resumed('--particles', '600', '--steps', '50', '--every', '3'), {
    ...run,
    steps: 50,
    every: 3,
  })
  const refused = (args: string[], message: RegExp) =>
    t.throws(() => resumed(...args), { code: 'USAGE', message }, args.join(' '))
  refused(['--particles', '5'], /^d holds a run with --particles 600, not 5: [^\n]+$/)
  refused(['--dt', '0.2'], /--dt 0.1, not 0.2/)
  refused(['--steps', '20'], /^d is at step 20 already: --steps says where to end$/)
})

t.test('field: every particle is counted, where it is, with its speed', async t => {
  const size = 60
  const inside = new Float32Array([0.3, 0.8, 0.31, 0.8, 0.7, 0.2])
  const { count, speed } = densityOf(inside, new Float32Array([3, 4, 3, 4, 0, 1]), size)
  const sum = count.reduce((a, b) => a + b, 0)
  t.ok(Math.abs(sum - 3) < 0.5, `${sum} of 3 particles`)
  const at = (x: number, y: number) => Math.floor((1 - y) * size) * size + Math.floor(x * size)
  t.ok(count[at(0.3, 0.8)]! > count[at(0.7, 0.2)]!)
  t.ok(count[at(0.7, 0.2)]! > count[at(0.99, 0.99)]!)
  const even = densityOf(new Float32Array([0.7, 0.2]), new Float32Array([0.6, 0.8]), size)
  t.ok(Math.abs(even.speed[at(0.7, 0.2)]! - 1) < 1e-4)
  t.ok(speed.every(v => v >= 0 && v < 5.001))
})

t.test('field: the walls belong to the box', async t => {
  const corners = new Float32Array([0, 0, 0, 1, 1, 0, 1, 1])
  const { count } = densityOf(corners, new Float32Array(8), 40)
  for (const pixel of [0, 39, 39 * 40, 1599]) t.ok(count[pixel]! > 0)
})

t.test('picture: a PNG that decodes to what was drawn', async t => {
  const positions = Float32Array.from({ length: 2000 }, (_, i) => (i * 0.6180339887) % 1)
  const picture = drawParticles(positions, positions, 'caption: ~1,000!')
  const decoded = decode(encode(picture))
  t.match(decoded, { width: 1200, height: 1272, channels: 3, depth: 8 })
  t.ok(Buffer.from(picture.data).equals(Buffer.from(decoded.data as Uint8Array)))
  t.ok(picture.data.subarray(0, 1200 * 1200 * 3).some(value => value > 100))
  t.doesNotThrow(() => drawParticles(positions.subarray(0, 2), new Float32Array(2), ''))
})

t.test('colours and letters', async t => {
  const colour = (value: number) => [0, 1, 2].map(channel => Math.round(inferno(value, channel)))
  t.same(colour(-1), [0x00, 0x00, 0x04])
  t.same(colour(0.5), [0xbc, 0x37, 0x54])
  t.same(colour(2), [0xfc, 0xff, 0xa4])
  const letter = [...'........'].map((_, y) =>
    [...'........'].map((_, x) => (glyphPixel('T', x, y) ? '#' : '.')).join(''),
  )
  t.same(letter.slice(0, 3), ['######..', '#.##.#..', '..##....'])
  t.equal(glyphPixel('é', 3, 3), false)
})

t.test('report: a run, a resumed one, one that was interrupted', async t => {
  const report: Report = {
    particles: 10,
    workers: 2,
    steps: 100,
    step: 100,
    seconds: 25.1,
    stepsPerSecond: 3.98,
    pythonSeconds: 25,
    crossing: { seconds: 0.02, p50Microseconds: 20.04, p99Microseconds: 30 },
    sharedBytes: 1234567,
    copiedBytes: 0,
    energyDrift: 0.01,
    interrupted: null,
    saved: null,
    files: ['a.png', 'b.svg'],
  }
  t.equal(
    formatReport(report),
    [
      'particles           10',
      'steps               100 in 25.1 s',
      'steps/s             3.98',
      'workers             2',
      'time in Python      25.00 s (99.6 %)',
      'time crossing       0.020 s (0.08 %), p50 20.0 us, p99 30.0 us',
      'bytes by reference  1,234,567',
      'bytes copied        0',
      'energy drift        1.0e-2',
      'pictures            a.png, b.svg',
    ].join('\n'),
  )
  const saved = { folder: '/runs/a', step: 1200, states: 12 }
  const resumed = formatReport({ ...report, step: 1200, interrupted: 'SIGINT', saved })
  t.match(resumed, 'steps               100, from 1,100 in 25.1 s, ended by SIGINT at 1,200')
  t.match(resumed, 'saved               step 1,200 in /runs/a')
})

t.test('history: the same shape, however long the run', async t => {
  const history = new EnergyHistory()
  for (let step = 0; step <= 10_000; step++)
    history.add(step, { kinetic: 2 + step * 1e-6, potential: 1, seconds: 0 })
  const { samples } = history
  t.ok(samples.length > 700 && samples.length <= 1601, `${samples.length} samples`)
  t.equal(samples[0]!.step, 0)
  t.equal(samples.at(-1)!.step, 10_000)
  t.ok(samples.every(({ step, kinetic }) => kinetic === 2 + step * 1e-6))
  t.ok(Math.abs(history.drift - 0.01 / 3) < 1e-12)

  const kept = new EnergyHistory(JSON.parse(JSON.stringify(history)))
  for (const each of [history, kept])
    for (let step = 10_001; step <= 20_001; step++)
      each.add(step, { kinetic: 2, potential: 1, seconds: 0 })
  t.same(kept.samples, history.samples)
  t.equal(new EnergyHistory().drift, 0)
})

t.test('energy chart: a curve for each energy and one for the drift', async t => {
  const sample = (step: number) => ({ step, kinetic: 2 - step * 1e-4, potential: 1 + step * 1e-4 })
  for (const steps of [0, 1, 2, 1600]) {
    const samples = Array.from({ length: steps }, (_, step) => sample(step))
    const svg = energyChart(samples, { dt: 0.05, particles: 10 })
    t.equal(svg.match(/<polyline/g)?.length, 4)
    t.notMatch(svg, /NaN|Infinity|undefined/)
    t.ok(svg.length < 200_000)
  }
  const drifting = energyChart([sample(0), { ...sample(9), kinetic: 1.99916 }], {
    dt: 1,
    particles: 1,
  })
  t.match(drifting, 'total energy against the start, in 10⁻⁵')
})

t.test('pace: steps per second of the last seconds', async t => {
  let now = 0
  const pace = new Pace(500, () => now)
  t.equal(pace.at(500), '', 'nothing yet')
  for (let step = 501; step <= 600; step++) {
    now += 100
    pace.at(step)
  }
  t.equal(pace.at(600), '10.0 steps/s', 'the steps before it was resumed do not count')
  for (let step = 601; step <= 700; step++) {
    now += 1000
    pace.at(step)
  }
  t.equal(pace.at(700), '1.00 steps/s')
})

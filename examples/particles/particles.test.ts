import { decode, encode } from 'fast-png'
import t from 'tap'
import { inferno } from './colour.js'
import { energyChart } from './energy-chart.js'
import { densityOf } from './field.js'
import { glyphPixel } from './font.js'
import { type Options, parseOptions } from './options.js'
import { drawParticles } from './picture.js'
import { formatReport, Measurements } from './report.js'

t.test('options: defaults, values, help', async t => {
  const options = parseOptions(['--particles', '1_000', '--dt=0.01', '--json']) as Options
  t.match(options, { particles: 1000, dt: 0.01, json: true, picture: 'particles.png' })
  t.equal((parseOptions(['--energy-picture', 'e.svg']) as Options).energyPicture, 'e.svg')
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
    [['--picture', ''], /--picture needs the name of a file/],
    [['twice'], /twice/],
  ]
  for (const [args, message] of cases) {
    t.throws(() => parseOptions(args), { message, code: 'USAGE' }, args.join(' '))
    t.throws(() => parseOptions(args), { message: /^[^\n]+$/ })
  }
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

t.test('report: crossing is the round trip without the time in Python', async t => {
  const measurements = new Measurements({ kinetic: 3, potential: 1, seconds: 1 })
  for (let step = 0; step < 100; step++)
    measurements.add({ kinetic: 2, potential: 2.04, seconds: 0.25 }, 0.25 + 20e-6)
  const report = measurements.report(10, { sharedBytes: 1234567, copiedBytes: 0 })
  t.equal(report.steps, 100)
  t.ok(Math.abs(report.pythonSeconds - 25) < 1e-9)
  t.ok(Math.abs(report.crossing.p50Microseconds - 20) < 0.1)
  t.ok(Math.abs(report.crossing.p99Microseconds - 20) < 0.1)
  t.ok(Math.abs(report.energyDrift - 0.01) < 1e-9)
  t.match(
    formatReport(report),
    /bytes by reference +1,234,567\nbytes copied +0\nenergy drift +1\.0e-2/,
  )
})

t.test('energy chart: three curves, however long the run', async t => {
  const history = Array.from({ length: 5000 }, () => ({ kinetic: 2, potential: 1, seconds: 0 }))
  for (const steps of [1, 2, 5000]) {
    const svg = energyChart(history.slice(0, steps), 0.05)
    t.equal(svg.match(/<polyline/g)?.length, 3)
    t.notMatch(svg, /NaN|Infinity/)
    t.ok(svg.length < 100_000)
  }
})

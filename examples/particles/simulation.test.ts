import t from 'tap'
import { type Energies, Simulation } from './simulation.js'

const options = { particles: 600, dt: 0.05, seed: 3, temperature: 0.1, swirl: 1 }

const bitsOf = ({ planes }: { planes: Float32Array }) =>
  Buffer.from(planes.buffer, planes.byteOffset, planes.byteLength).toString('base64')

const total = ({ kinetic, potential }: Energies) => kinetic + potential

async function run(simulation: Simulation, steps: number): Promise<void> {
  for (let step = 0; step < steps; step++) await simulation.step()
}

t.test('one worker and three compute the same bits, and copy none', async t => {
  await using one = await Simulation.open(options)
  await using three = await Simulation.open({ ...options, workers: 3 })
  const start = total(one.current.energies)
  t.equal(bitsOf(one.current), bitsOf(three.current))
  await Promise.all([run(one, 20), run(three, 20)])
  t.equal(one.current.step, 20)
  t.equal(bitsOf(one.current), bitsOf(three.current))
  for (const { current } of [one, three])
    t.ok(Math.abs(total(current.energies) / start - 1) < 0.01, 'the sum over the blocks')
  for (const simulation of [one, three]) {
    const stats = simulation.stats()
    t.match(stats, { steps: 20, copiedBytes: 0, states: 2 })
    t.ok(stats.sharedBytes >= 20 * 2 * 3 * 600 * 2 * 4)
    t.ok(stats.pythonSeconds > 0 && stats.crossing.p50Microseconds > 0)
  }
})

t.test('a state that is held stays as it is, and costs one state', async t => {
  await using simulation = await Simulation.open(options)
  await run(simulation, 2)
  const held = simulation.hold()
  const again = simulation.hold()
  const bits = bitsOf(held)
  await run(simulation, 5)
  t.equal(held.step, 2)
  t.equal(bitsOf(held), bits)
  t.equal(held.bytes.byteLength, 2 * held.positions.byteLength)
  t.same(new Float32Array(held.bytes.slice().buffer).subarray(1200), held.velocities)
  t.equal(simulation.stats().states, 3)
  held.release()
  held.release()
  await run(simulation, 5)
  t.equal(bitsOf(again), bits, 'the other one still holds it')
  again.release()

  const many: Disposable[] = []
  for (let step = 0; step < 6; step++) {
    many.push(simulation.hold())
    await simulation.step()
  }
  t.equal(simulation.stats().states, 7)
  for (const state of many) state[Symbol.dispose]()
  t.equal(simulation.stats().states, 3, 'places that nobody needs are given up')
  await run(simulation, 3)
  t.equal(simulation.stats().copiedBytes, 0)
})

t.test('a new temperature, a new length of steps, a new start', async t => {
  await using simulation = await Simulation.open({ ...options, workers: 2 })
  const first = bitsOf(simulation.current)
  await run(simulation, 3)
  const { kinetic } = await simulation.rescale(0.4)
  t.ok(Math.abs(kinetic / 600 - 0.4) < 1e-4)
  t.equal(simulation.current.step, 3)
  const before = simulation.current.positions.slice()
  simulation.dt = 0
  await simulation.step()
  t.same(simulation.current.positions, before)

  using held = simulation.hold()
  await simulation.reset({ ...options, particles: 50 })
  t.match(simulation.current, { particles: 50, step: 0 })
  t.same(held.positions, before)
  await simulation.step()
  await simulation.reset(options)
  t.equal(bitsOf(simulation.current), first)
})

t.test('calls take their turns', async t => {
  await using simulation = await Simulation.open(options)
  await Promise.all([simulation.step(), simulation.rescale(0.2), simulation.step()])
  t.equal(simulation.current.step, 2)
  const heated = bitsOf(simulation.current)
  await simulation.reset(options)
  await simulation.step()
  await simulation.rescale(0.2)
  await simulation.step()
  t.equal(bitsOf(simulation.current), heated)
})

t.test('a step that fails changes nothing', async t => {
  for (const workers of [1, 2]) {
    await using simulation = await Simulation.open({ ...options, workers })
    await simulation.step()
    const bits = bitsOf(simulation.current)
    simulation.dt = Number.POSITIVE_INFINITY
    await t.rejects(simulation.step(), { code: 'ERR_PYTHON', message: /smaller dt/ })
    t.equal(simulation.current.step, 1)
    t.equal(bitsOf(simulation.current), bits)
    simulation.dt = 0.05
    await simulation.step()
    t.match(simulation.stats(), { steps: 2, states: 2 })
  }
})

t.test('what cannot be opened ends', async t => {
  await t.rejects(Simulation.open({ ...options, temperature: -1 }), /temperature/)
  const failing = { step: 0, energies: { kinetic: 0, potential: 0, seconds: 0 } }
  const read = () => Promise.reject(new Error('not readable'))
  await t.rejects(Simulation.open(options, { ...failing, read }), /not readable/)
})

// Isthmus: a pool whose workers all map the two states; a call for each block. isthmus.js step|kept|compiled WORKERS
// `kept`: workers keep the two states, and a call names the present one. Otherwise each call has both as arguments.
import { createHash } from 'node:crypto'
import { type Pool, pool, type Tensor } from 'isthmus'
import { ArmReport } from '../arm-report.js'
import { here } from '../places.js'
import { dt, firstState, lastState, type Plan, plans } from './plan.js'
import { percentiles } from './samples.js'

const kWarmEmpty = 20
const kWarmMs = 200

interface Energies {
  readonly kinetic: number
  readonly potential: number
  readonly seconds: number
}

class Run {
  now: Tensor<'float32'>
  #after: Tensor<'float32'>
  /** Which of the two, in the order in which they were made, is the present one. */
  #turn = 0
  readonly #kept: boolean
  readonly #py: Pool

  constructor(py: Pool, particles: number, kept: boolean) {
    this.#py = py
    this.#kept = kept
    const shape = [3, particles, 2]
    this.now = py.tensor('float32', shape, { uninitialized: true })
    this.#after = py.tensor('float32', shape)
    this.now.data.set(firstState(particles))
  }

  async keep(): Promise<void> {
    if (this.#kept) await this.#py.broadcast('keep', this.now, this.#after)
  }

  /** The seconds of the longest block. */
  async advance(name: string): Promise<number> {
    const py = this.#py
    const { now } = this
    const after = this.#after
    const calls: Promise<unknown>[] = []
    for (let block = 0; block < py.size; block++)
      calls.push(
        this.#kept
          ? py.call(`kept_${name}`, this.#turn, dt, block, py.size)
          : py.call(name, now, after, dt, block, py.size),
      )
    const parts = (await Promise.all(calls)) as Energies[]
    if (name !== 'nothing') {
      this.now = after
      this.#after = now
      this.#turn = 1 - this.#turn
    }
    return Math.max(...parts.map(({ seconds }) => seconds))
  }

  close(): void {
    this.now.dispose()
    this.#after.dispose()
  }
}

async function steps(run: Run, name: string, { warm, steps, particles }: Plan): Promise<void> {
  const walls: number[] = []
  const physics: number[] = []
  for (let round = 0; round < warm + steps; round++) {
    const start = performance.now()
    const seconds = await run.advance(name)
    const wall = performance.now() - start
    report.mark('first')
    if (round < warm) continue
    walls.push(wall * 1e3)
    physics.push(seconds * 1e6)
  }
  const overhead = walls.map((wall, at) => wall - physics[at]!)
  percentiles(report, `${particles}.wall`, walls)
  percentiles(report, `${particles}.physics`, physics)
  percentiles(report, `${particles}.overhead`, overhead)
}

/** One at least, and no more after so many milliseconds. */
async function empty(run: Run, most: number, ms: number): Promise<number[]> {
  const times: number[] = []
  const end = performance.now() + ms
  while (times.length < most) {
    const start = performance.now()
    if (start > end && times.length > 0) break
    await run.advance('nothing')
    times.push((performance.now() - start) * 1e3)
  }
  return times
}

/** How far positions are from the reference, in ranges of the force between two particles. */
function differing(state: Float32Array, particles: number): number {
  const reference = lastState(particles)
  let most = 0
  for (let i = 0; i < 2 * particles; i++) most = Math.max(most, Math.abs(state[i]! - reference[i]!))
  return most * Math.sqrt(particles)
}

const [way = '', workers] = process.argv.slice(2)
const name = way === 'compiled' ? 'compiled' : 'step'
const report = new ArmReport()
const worker = name === 'compiled' ? 'compiled_worker.py' : 'worker.py'
await using py = await pool(here('simulation', worker), { workers: Number(workers) })
const labels: string[] = []
let difference = 0
for (const plan of plans()) {
  const { particles } = plan
  const run = new Run(py, particles, way === 'kept')
  await run.keep()
  report.mark('ready')
  const copied = py.stats().copiedBytes
  await steps(run, name, plan)
  await empty(run, kWarmEmpty, kWarmMs)
  percentiles(report, `${particles}.empty`, await empty(run, plan.empty, 1000 * plan.emptySeconds))
  report.figure(`${particles}.copied`, py.stats().copiedBytes - copied)
  const state = run.now.data
  labels.push(
    createHash('sha256')
      .update(state.subarray(0, 4 * particles))
      .digest('hex'),
  )
  if (name === 'compiled') difference = Math.max(difference, differing(state, particles))
  run.close()
}
report.mark('last')
if (name === 'compiled') report.figure('difference', difference)
report.write(labels)

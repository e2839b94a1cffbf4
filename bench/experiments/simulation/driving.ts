// The same loop in plain Python and driven from Node, a few steps here, a few steps there: driving.js PARTICLES STEPS
// Whoever is not at his turn waits for input. A second plain Python shows how far two equal loops differ.
import { spawn as start } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type Bridge, spawn, type Tensor } from 'isthmus'
import { ArmReport } from '../arm-report.js'
import { experimentPython, here } from '../places.js'
import { dt, firstState } from './plan.js'
import { percentile } from './samples.js'

interface Loop {
  /** Resolves to the seconds that so many steps took. */
  run(steps: number): Promise<number>
  /** Of positions, velocities and forces. Nothing runs after it. */
  end(): Promise<string>
}

async function plain(particles: number, env: NodeJS.ProcessEnv = {}): Promise<Loop> {
  const script = here('simulation', 'plain.py')
  const child = start(experimentPython, [script, String(particles)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const line = async (): Promise<string> => String((await lines.next()).value)
  await line()
  return {
    async run(steps) {
      child.stdin.write(`${steps}\n`)
      return Number(await line())
    },
    async end() {
      child.stdin.end()
      const hash = await line()
      await once(child, 'exit')
      return hash
    },
  }
}

/** What steps took beyond the seconds that Python says, in microseconds. */
const crossings: number[] = []

async function driven(py: Bridge, particles: number): Promise<Loop> {
  const shape = [3, particles, 2]
  let now: Tensor<'float32'> = py.tensor('float32', shape, { uninitialized: true })
  let after: Tensor<'float32'> = py.tensor('float32', shape)
  now.data.set(firstState(particles))
  return {
    async run(steps) {
      const began = performance.now()
      let last = began
      for (let i = 0; i < steps; i++) {
        const { seconds } = (await py.call('step', now, after, dt)) as { readonly seconds: number }
        ;[now, after] = [after, now]
        const done = performance.now()
        crossings.push((done - last) * 1e3 - seconds * 1e6)
        last = done
      }
      return (last - began) / 1e3
    },
    end: async () => createHash('sha256').update(now.data).digest('hex'),
  }
}

const names = ['plain', 'driven', 'kept', 'control'] as const
type Name = (typeof names)[number]

const [particles = 0, steps = 0] = process.argv.slice(2).map(Number)
const turns = Number(process.env.SIMULATION_TURNS)
const report = new ArmReport()
await using py = await spawn(here('simulation', 'worker.py'))
/** glibc gives freed memory of this size back to the system unless told otherwise (mallopt(3)), and numpy then waits for new pages. */
const keep = { MALLOC_MMAP_THRESHOLD_: String(2 ** 30), MALLOC_TRIM_THRESHOLD_: String(2 ** 32) }
const loops: Readonly<Record<Name, Loop>> = {
  plain: await plain(particles),
  driven: await driven(py, particles),
  kept: await plain(particles, keep),
  control: await plain(particles),
}
report.mark('ready')
for (const name of names) await loops[name].run(steps)
report.mark('first')
crossings.length = 0
const copied = py.stats().copiedBytes
const taken: Record<Name, number[]> = { plain: [], driven: [], kept: [], control: [] }
for (let turn = 0; turn < turns; turn++) {
  // Each begins as often as any other, and comes after each of its neighbours as often as before it.
  const order = names.map((_, at) => names[(at + (turn >> 1)) % names.length]!)
  for (const name of turn % 2 ? order.reverse() : order)
    taken[name].push(await loops[name].run(steps))
}
report.mark('last')

/** Per cent that a loop takes longer than another one in the same turn: the median. */
function over(name: Name, base: Name): number {
  const each = taken[name].map((seconds, turn) => 100 * (seconds / taken[base][turn]! - 1))
  return percentile(each, 0.5)
}

for (const name of names) {
  report.figure(name, (percentile(taken[name], 0.5) * 1e6) / steps)
  if (name !== 'plain') report.figure(`${name}.over`, over(name, 'plain'))
}
report.figure('driven.kept', over('driven', 'kept'))
report.figure('crossing.p50', percentile(crossings, 0.5))
report.figure('crossing.p90', percentile(crossings, 0.9))
report.figure('copied', py.stats().copiedBytes - copied)
const hashes = await Promise.all(names.map(name => loops[name].end()))
if (new Set(hashes).size !== 1) throw new Error(`states differ: ${hashes.join(', ')}`)
// Other arms have other numbers of particles, and so other states.
report.write(hashes.map(() => 'the same'))

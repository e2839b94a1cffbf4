/** A particle simulation: numpy computes every step, Node drives, and the arrays are never copied. */
import { access, constants, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
// fast-png rather than pngjs: ES module, types included, maintained, and it writes text chunks.
import { encode } from 'fast-png'
import { kwargs, spawn } from 'isthmus'
import { energyChart } from './energy-chart.js'
import { type Options, parseOptions, UsageError } from './options.js'
import { drawParticles } from './picture.js'
import { startProgress } from './progress.js'
import { formatDrift, formatReport, grouped, Measurements, total } from './report.js'
import type { Energies } from './simulation.js'

async function run(options: Options): Promise<void> {
  const { particles, steps, dt, seed, temperature, swirl } = options
  for (const file of [options.picture, options.energyPicture]) if (file) await expectFolder(file)

  await using py = await spawn(new URL('./particles.py', import.meta.url))
  // Each step reads one state (positions, velocities, forces) and writes the other.
  using one = py.tensor('float32', [3, particles, 2])
  using other = py.tensor('float32', [3, particles, 2])
  let [now, after] = [one, other]

  const start = kwargs({ seed, temperature, swirl })
  const initial = (await py.call('init', now, start)) as Energies
  const measurements = new Measurements(initial)
  const progress = startProgress(steps)
  try {
    for (let step = 1; step <= steps; step++) {
      const called = performance.now()
      const energies = (await py.call('step', now, after, dt)) as Energies
      ;[now, after] = [after, now]
      measurements.add(energies, (performance.now() - called) / 1000)
      progress.update(step, `energy ${formatDrift(total(energies) / total(initial) - 1)}`)
    }
  } finally {
    progress.stop()
  }

  const report = measurements.report(particles, py.stats())
  const caption = `${grouped(particles)} particles, step ${grouped(steps)}`
  const [positions, velocities] = [0, 1].map(plane =>
    now.data.subarray(plane * 2 * particles, (plane + 1) * 2 * particles),
  ) as [Float32Array, Float32Array]
  const picture = drawParticles(positions, velocities, caption)
  const files = [await save(options.picture, encode({ ...picture, text: { Title: caption } }))]
  if (options.energyPicture)
    files.push(await save(options.energyPicture, energyChart(measurements.history, dt)))

  if (options.json) console.log(JSON.stringify({ ...report, files }, null, 2))
  else console.log(`${formatReport(report)}\n${'pictures'.padEnd(20)}${files.join(', ')}`)
}

/** Before half a minute of work, not after it. */
async function expectFolder(file: string): Promise<void> {
  const folder = dirname(resolve(file))
  await access(folder, constants.W_OK).catch(cause => {
    throw new UsageError(`cannot write to the folder ${folder}`, { cause })
  })
}

async function save(file: string, content: Uint8Array | string): Promise<string> {
  await writeFile(file, content)
  return resolve(file)
}

try {
  const options = parseOptions(process.argv.slice(2))
  if (typeof options === 'string') console.log(options)
  else await run(options)
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(`${error.message} (--help lists the options)`)
  process.exitCode = 2
}

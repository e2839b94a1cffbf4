/** The headless run: steps, saved states, pictures, and a report. */
import { access, constants, stat, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
// fast-png rather than pngjs: ES module, types included, maintained, and it writes text chunks.
import { encode } from 'fast-png'
import { Checkpoints, readCheckpoint, stateOf } from './checkpoint.js'
import { energyChart } from './energy-chart.js'
import { EnergyHistory } from './energy-history.js'
import type { Interruption } from './interruption.js'
import { type Options, type Run, runOf, UsageError } from './options.js'
import { drawParticles } from './picture.js'
import { startProgress } from './progress.js'
import { formatDrift, grouped, type Report } from './report.js'
import { Simulation } from './simulation.js'

/** Runs to the last step, or until it is interrupted. */
export async function run(options: Options, interruption: Interruption): Promise<Report> {
  for (const file of [options.picture, options.energyPicture]) await expectWritable(file)
  const { resume, workers } = options
  const saved = resume === undefined ? undefined : await readCheckpoint(resume)
  const run = runOf(options, saved)
  const folder = options.save ?? resume
  const checkpoints =
    folder === undefined
      ? undefined
      : await Checkpoints.open(folder, run, folder === resume ? saved?.step : undefined)

  await using simulation = await Simulation.open(
    { ...run, workers },
    saved && stateOf(resume!, saved),
  )
  const history = new EnergyHistory(saved?.history)
  const first = simulation.current.step
  if (history.samples.at(-1)?.step !== first) history.add(first, simulation.current.energies)
  const started = performance.now()
  await advance(simulation, { run, history, checkpoints, interruption })
  const seconds = (performance.now() - started) / 1000

  const { step } = simulation.current
  const stats = simulation.stats()
  return {
    particles: run.particles,
    workers,
    steps: step - first,
    step,
    seconds,
    stepsPerSecond: (step - first) / seconds,
    pythonSeconds: stats.pythonSeconds,
    crossing: stats.crossing,
    sharedBytes: stats.sharedBytes,
    copiedBytes: stats.copiedBytes,
    energyDrift: history.drift,
    interrupted: step < run.steps ? (interruption.signal ?? null) : null,
    saved:
      checkpoints?.saved === undefined
        ? null
        : {
            folder: resolve(checkpoints.folder),
            step: checkpoints.saved,
            states: checkpoints.files,
          },
    files: await draw(simulation, history, run, options),
  }
}

interface Course {
  run: Run
  history: EnergyHistory
  checkpoints: Checkpoints | undefined
  interruption: Interruption
}

/** Whatever ends it, the newest finished state is saved first. */
async function advance(simulation: Simulation, course: Course): Promise<void> {
  const { run, history, checkpoints, interruption } = course
  const first = simulation.current.step
  const progress = startProgress(first, run.steps)
  let last: number | undefined
  const save = async () => {
    if (simulation.current.step === last) return
    last = simulation.current.step
    await checkpoints?.save(simulation.hold(), history)
  }
  try {
    while (simulation.current.step < run.steps && !interruption.signal) {
      await simulation.step()
      const { step, energies } = simulation.current
      history.add(step, energies)
      progress.update(step, `energy ${formatDrift(history.drift)}`)
      if (step % run.every === 0) await save()
    }
  } finally {
    progress.stop()
    const { signal } = interruption
    if (signal) console.error(`${signal}: the run ends here; Ctrl-C ends it at once`)
    await save()
    await checkpoints?.finish()
  }
}

async function draw(
  { current }: Simulation,
  history: EnergyHistory,
  { particles, dt }: Run,
  { picture, energyPicture }: Options,
): Promise<string[]> {
  const { step, positions, velocities } = current
  const caption = `${grouped(particles)} particles, step ${grouped(step)}`
  const png = encode({ ...drawParticles(positions, velocities, caption), text: { Title: caption } })
  await writeFile(picture, png)
  await writeFile(energyPicture, energyChart(history.samples, { dt, particles }))
  return [resolve(picture), resolve(energyPicture)]
}

/** Before half a minute of work, not after it. */
async function expectWritable(file: string): Promise<void> {
  const folder = dirname(resolve(file))
  await access(folder, constants.W_OK).catch(cause => {
    throw new UsageError(`cannot write to the folder ${folder}`, { cause })
  })
  const there = await stat(file).catch(() => undefined)
  if (there?.isDirectory()) throw new UsageError(`${resolve(file)} is a folder, not a file`)
}

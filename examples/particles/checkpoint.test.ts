import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { type Checkpoint, Checkpoints, readCheckpoint, stateOf } from './checkpoint.js'
import { EnergyHistory } from './energy-history.js'
import { Simulation } from './simulation.js'

const run = {
  particles: 500,
  steps: 20,
  dt: 0.05,
  seed: 3,
  temperature: 0.1,
  swirl: 1,
  every: 10,
}
const root = mkdtempSync(join(tmpdir(), 'isthmus-particles-'))
t.teardown(() => rmSync(root, { recursive: true, force: true }))
let folders = 0
const newFolder = () => join(root, `run ${++folders}`)

const bitsOf = ({ planes }: { planes: Float32Array }) =>
  Buffer.from(planes.buffer, planes.byteOffset, planes.byteLength).toString('base64')

/** Goes on to a step, saving like the headless run. */
async function advance(simulation: Simulation, to: number, checkpoints?: Checkpoints) {
  const history = new EnergyHistory()
  while (simulation.current.step < to) {
    await simulation.step()
    history.add(simulation.current.step, simulation.current.energies)
    if (simulation.current.step % run.every === 0)
      await checkpoints?.save(simulation.hold(), history)
  }
  await checkpoints?.finish()
}

/** A folder with the states of steps 10 and 20. */
async function savedRun(workers = 1): Promise<string> {
  const folder = newFolder()
  await using simulation = await Simulation.open({ ...run, workers })
  await advance(simulation, 20, await Checkpoints.open(folder, run))
  return folder
}

t.test('a resumed run is the same to the last bit, whatever the number of workers', async t => {
  await using straight = await Simulation.open(run)
  await advance(straight, 40)
  for (const [before, after] of [
    [1, 1],
    [2, 3],
  ]) {
    const folder = await savedRun(before)
    t.same(readdirSync(folder).sort(), [
      'checkpoint.json',
      'state-00000010.npy',
      'state-00000020.npy',
    ])
    const saved = await readCheckpoint(folder)
    t.match(saved, { step: 20, run, state: 'state-00000020.npy' })
    await using resumed = await Simulation.open(
      { ...saved.run, workers: after! },
      stateOf(folder, saved),
    )
    t.equal(resumed.current.step, 20)
    await advance(resumed, 40, await Checkpoints.open(folder, run, 20))
    t.equal(bitsOf(resumed.current), bitsOf(straight.current), `${before}, then ${after} workers`)
    t.match(resumed.stats(), { steps: 20, copiedBytes: 0 })
    t.equal((await readCheckpoint(folder)).step, 40)
  }
})

t.test('what is written is the state that was held, while the simulation goes on', async t => {
  const folder = newFolder()
  await using simulation = await Simulation.open(run)
  const checkpoints = await Checkpoints.open(folder, run)
  await simulation.step()
  const bits = bitsOf(simulation.current)
  await checkpoints.save(simulation.hold(), new EnergyHistory())
  for (let step = 0; step < 20; step++) await simulation.step()
  await checkpoints.finish()
  t.ok(simulation.stats().states <= 3, 'and is released then')
  const file = readFileSync(join(folder, 'state-00000001.npy'))
  t.equal(file.subarray(-run.particles * 24).toString('base64'), bits)
})

t.test('a full disk leaves the last good checkpoint as it was, and says what to do', async t => {
  const folder = newFolder()
  await using simulation = await Simulation.open(run)
  await advance(simulation, 10, await Checkpoints.open(folder, run))
  for (const file of ['state-00000011.npy', 'checkpoint.json']) {
    const checkpoints = await Checkpoints.open(folder, run, 10)
    await symlink('/dev/full', join(folder, `${file}.partial`))
    if (simulation.current.step === 10) await simulation.step()
    await checkpoints.save(simulation.hold(), new EnergyHistory())
    await t.rejects(checkpoints.finish(), {
      code: 'CHECKPOINT',
      message: /^cannot save step 11 to .*\(step 10 is saved, and intact\): the disk is full; make/,
    })
    t.notOk(readdirSync(folder).some(name => name.endsWith('.partial')))
    const saved = await readCheckpoint(folder)
    t.match(saved, { step: 10, state: 'state-00000010.npy' })
    await using resumed = await Simulation.open(saved.run, stateOf(folder, saved))
    t.equal(resumed.current.step, 10)
  }
})

t.test('a checkpoint that is damaged is refused in one line', async t => {
  const damaged = async (damage: (folder: string) => Promise<unknown>, message: RegExp) => {
    const folder = await copyOf(await intact)
    await damage(folder)
    const opened = (async () => {
      const saved = await readCheckpoint(folder)
      const into = new Float32Array(3 * run.particles * 2)
      await stateOf(folder, saved).read(into)
    })()
    await t.rejects(opened, { code: 'CHECKPOINT', message }, String(message))
    await t.rejects(opened, { message: /^[^\n]+$/ })
  }
  const intact = savedRun()
  const change =
    (edit: (checkpoint: Record<string, unknown>) => void) => async (folder: string) => {
      const file = join(folder, 'checkpoint.json')
      const checkpoint = JSON.parse(readFileSync(file, 'utf8')) as Checkpoint &
        Record<string, unknown>
      edit(checkpoint)
      await writeFile(file, JSON.stringify(checkpoint))
    }
  const state = (folder: string) => join(folder, 'state-00000020.npy')
  await damaged(
    async folder => rmSync(folder, { recursive: true }),
    /there is no such file or folder/,
  )
  await damaged(folder => writeFile(join(folder, 'checkpoint.json'), '{'), /is not JSON/)
  await damaged(folder => writeFile(join(folder, 'checkpoint.json'), '{}'), /is not a checkpoint/)
  await damaged(
    change(value => (value.version = 9)),
    /has version 9/,
  )
  await damaged(
    change(value => delete value.history),
    /lacks what is needed/,
  )
  await damaged(
    change(value => (value.state = '../x.npy')),
    /lacks what is needed/,
  )
  await damaged(
    change(value => (value.run = { ...run, particles: 501 })),
    /must have the shape \[3, 501, 2\], not \[3, 500, 2\]/,
  )
  await damaged(folder => truncate(state(folder), 3000), /has 3000 bytes instead of 12128/)
  await damaged(folder => writeFile(state(folder), 'no array at all'), /is not an \.npy file/)
  await damaged(async folder => rmSync(state(folder)), /there is no such file/)
  await damaged(async folder => {
    const bytes = readFileSync(state(folder))
    bytes[5000]! ^= 1
    await writeFile(state(folder), bytes)
  }, /has changed since checkpoint\.json was written/)
})

async function copyOf(folder: string): Promise<string> {
  const copy = await Checkpoints.open(newFolder(), run)
  for (const name of readdirSync(folder))
    await writeFile(join(copy.folder, name), readFileSync(join(folder, name)))
  return copy.folder
}

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Test } from '../../test/fixtures/bridges.js'
import { gone, isAlive } from '../../test/fixtures/processes.js'
import { until } from '../../test/fixtures/watchdog.js'
import { type Checkpoint, Checkpoints, readCheckpoint, stateOf } from './checkpoint.js'
import { EnergyHistory } from './energy-history.js'
import type { Report } from './report.js'
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
const main = fileURLToPath(new URL('./main.js', import.meta.url))
const root = mkdtempSync(join(tmpdir(), 'isthmus-particles-'))
t.teardown(() => rmSync(root, { recursive: true, force: true }))
// The file starts a dozen processes, one after another.
t.setTimeout(110_000)
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

t.test('the command line: what cannot be resumed, or saved', async t => {
  const folder = await savedRun()
  const file = join(root, 'a file')
  await writeFile(file, '')
  const cases: [args: string[], status: number, message: RegExp][] = [
    [['--save', folder], 1, /holds a run already: go on with --resume/],
    [['--resume', folder, '--particles', '5'], 2, /holds a run with --particles 500, not 5/],
    [['--resume', folder], 2, /is at step 20 already/],
    [['--resume', join(root, 'none')], 1, /cannot resume from .*: there is no such file/],
    [['--save', file], 1, /cannot use the folder .*: it is not a folder/],
    [['--save', '/proc/none'], 1, /cannot use the folder \/proc\/none: there is no such/],
  ]
  for (const [args, status, message] of cases) {
    const result = spawnSync(process.execPath, [main, ...args], {
      cwd: root,
      encoding: 'utf8',
      timeout: 30_000,
    })
    t.equal(result.status, status, args.join(' '))
    t.match(result.stderr, message)
    t.match(result.stderr, /^[^\n]+\n$/)
  }
})

interface Started {
  child: ChildProcess
  /** The Python processes. */
  workers: number[]
  output: Promise<string>
  errors: Promise<string>
}

async function started(t: Test, args: string[]): Promise<Started> {
  const child = spawn(process.execPath, [main, '--particles', '300', '--json', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const output = text(child.stdout!)
  const errors = text(child.stderr!)
  const children = `/proc/${child.pid}/task/${child.pid}/children`
  const workers = () => readFileSync(children, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  await until('Python was started', () => workers().length > 0)
  return { child, workers: workers(), output, errors }
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  t.test(
    `${signal} ends the run after its step: saved, drawn, reported, exit code ${code}`,
    async t => {
      const folder = newFolder()
      const args = ['--steps', '1000000', '--save', folder, '--every', '50', '--workers', '2']
      const { child, workers, output, errors } = await started(t, args)
      await until('a state was saved', () => existsSync(join(folder, 'checkpoint.json')))
      const ended = once(child, 'exit')
      child.kill(signal)
      t.same(await ended, [code, null])
      t.match(await errors, `${signal}: the run ends after this step`)
      const report = JSON.parse(await output) as Report
      t.match(report, { interrupted: signal, workers: 2, copiedBytes: 0 })
      t.ok(report.step >= 50 && report.step < 1_000_000)
      t.equal(report.saved?.step, report.step, 'the newest state is saved')
      t.equal((await readCheckpoint(folder)).step, report.step)
      t.equal(report.files.filter(existsSync).length, 2)
      t.notOk(workers.some(isAlive), 'nothing is left running')

      const more = String(report.step + 7)
      const { status, stdout } = spawnSync(
        process.execPath,
        [main, '--resume', folder, '--steps', more, '--json'],
        { cwd: root, encoding: 'utf8', timeout: 30_000 },
      )
      t.equal(status, 0)
      t.match(JSON.parse(stdout), { steps: 7, step: report.step + 7, interrupted: null })
    },
  )

t.test('a second Ctrl-C ends it at once', async t => {
  const { child, workers, errors } = await started(t, ['--steps', '1000000'])
  const ended = once(child, 'exit')
  child.kill('SIGINT')
  await once(child.stderr!, 'data')
  child.kill('SIGINT')
  t.same(await ended, [null, 'SIGINT'])
  t.match(await errors, /another one ends it at once/)
  await Promise.all(workers.map(gone))
})

t.test('a worker that dies: the newest state is saved, and the message is one line', async t => {
  const folder = newFolder()
  const { child, workers, errors } = await started(t, ['--save', folder, '--every', '50'])
  await until('a state was saved', () => existsSync(join(folder, 'checkpoint.json')))
  const ended = once(child, 'exit')
  process.kill(workers[0]!, 'SIGKILL')
  t.same(await ended, [1, null])
  t.match(await errors, /SIGKILL/)
  const saved = await readCheckpoint(folder)
  await stateOf(folder, saved).read(new Float32Array(3 * 300 * 2))
  t.ok(saved.step >= 50)
})

// The program as a user runs it: what it refuses, and how it ends.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Test } from '../../test/fixtures/bridges.js'
import { gone, isAlive } from '../../test/fixtures/processes.js'
import { until } from '../../test/fixtures/watchdog.js'
import { Checkpoints, readCheckpoint, stateOf } from './checkpoint.js'
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
// It starts a dozen processes, one after another.
t.setTimeout(110_000)
let folders = 0
const newFolder = () => join(root, `run ${++folders}`)

t.test('the command line: what cannot be resumed, or saved', async t => {
  const folder = newFolder()
  await using simulation = await Simulation.open(run)
  const checkpoints = await Checkpoints.open(folder, run)
  await checkpoints.save(simulation.hold(), new EnergyHistory())
  await checkpoints.finish()
  const file = join(root, 'a file')
  await writeFile(file, '')
  const cases: [args: string[], status: number, message: RegExp][] = [
    [['--save', folder], 1, /holds a run already: go on with --resume/],
    [['--resume', folder, '--particles', '5'], 2, /holds a run with --particles 500, not 5/],
    [['--resume', join(root, 'none')], 1, /cannot resume from .*: there is no such file/],
    [['--save', file], 1, /cannot use the folder .*: it is not a folder/],
    [['--save', '/proc/none'], 1, /cannot use the folder \/proc\/none: there is no such/],
    [['--picture', root], 2, /is a folder, not a file/],
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
  ['SIGHUP', 129],
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
      t.match(await errors, `${signal}: the run ends here`)
      const report = JSON.parse(await output) as Report
      t.match(report, { interrupted: signal, workers: 2, copiedBytes: 0 })
      t.ok(report.step >= 50 && report.step < 1_000_000)
      t.equal(report.saved?.step, report.step, 'the newest state is saved')
      t.equal((await readCheckpoint(folder)).step, report.step)
      t.equal(report.files.filter(existsSync).length, 2)
      t.notOk(workers.some(isAlive), 'nothing is left running')

      if (signal !== 'SIGINT') return
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

t.test(
  'progress that nobody reads any more, and SIGTERM that comes twice: saved all the same',
  async t => {
    const folder = newFolder()
    const args = ['--steps', '1000000', '--save', folder, '--every', '50']
    const { child, output, errors } = await started(t, args)
    child.stderr!.destroy()
    await t.rejects(errors)
    await until('a state was saved', () => existsSync(join(folder, 'checkpoint.json')))
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    child.kill('SIGTERM')
    t.same(await ended, [143, null])
    const report = JSON.parse(await output) as Report
    t.equal((await readCheckpoint(folder)).step, report.step)
  },
)

t.test('a second Ctrl-C ends it at once', async t => {
  const { child, workers, errors } = await started(t, ['--steps', '1000000'])
  const ended = once(child, 'exit')
  child.kill('SIGINT')
  await once(child.stderr!, 'data')
  child.kill('SIGINT')
  t.same(await ended, [null, 'SIGINT'])
  t.match(await errors, /Ctrl-C ends it at once/)
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

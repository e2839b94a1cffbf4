// kill -9 of either side at random moments of everything that can go on: nothing is left, and everything settles. (DESIGN 4)
// ISTHMUS_KILLS: how many; ISTHMUS_SEED: which moments; ISTHMUS_PHASE: only while this goes on.
import t from 'tap'
import { isExpected, type PhaseName, plans, type Stage } from '../fixtures/kill-phases.js'
import { bearersOf, Killer } from '../fixtures/killer.js'
import { Promises } from '../fixtures/loads.js'
import { descriptorsOf, mappingsOf, runProgram, segmentsOf } from '../fixtures/processes.js'
import { oneOf, seeded, seedOfTest } from '../fixtures/random.js'
import { unheldBytes } from '../fixtures/shared-memory.js'
import { until, within } from '../fixtures/watchdog.js'

const kills = Number(process.env.ISTHMUS_KILLS ?? 80)
const seed = seedOfTest()
const all = [...Object.keys(plans), 'exit'] as PhaseName[]
const names = all.filter(name => name === (process.env.ISTHMUS_PHASE ?? name))
/** So many are killed at the same time: starting a process takes longest. */
const lanes = 3
/** Other programs have shared memory that is none of ours. What one bridge leaves would be 1 MiB and more each time. */
const tolerance = 64 * 2 ** 20
/** In the environment of everything that is started here. */
const storm = `ISTHMUS_STORM=${process.pid}.`

type Side = 'worker' | 'node'

interface Attempt {
  readonly name: PhaseName
  readonly side: Side
  readonly number: number
  /** Of this kill alone: lanes do not change each other's moments. */
  readonly random: () => number
  readonly mark: string
}

const timeout = 120_000 + kills * 3000
t.setTimeout(timeout)
const killer = new Killer()
const settledPromises = { made: 0, settled: 0 }
const codes = new Map<string, number>()

/** Milliseconds within which the kill comes. */
const spanOf = ({ name }: Attempt) => (name === 'exit' ? 8 : plans[name].within)

const environmentOf = ({ mark }: Attempt) => {
  const [variable = '', value = ''] = mark.split('=')
  return { [variable]: value }
}

/** A worker of this process. @returns how many were killed */
async function killWorker(attempt: Attempt): Promise<number> {
  const { name, random, mark } = attempt
  const promises = new Promises()
  const after = random() * spanOf(attempt)
  const which = random() < 0.3 ? 'all' : random()
  let killing: Promise<number[]> | undefined
  const stage: { -readonly [key in keyof Stage]: Stage[key] } = {
    options: {
      memory: '128MiB',
      stdout: 'events',
      stderr: 'events',
      env: environmentOf(attempt),
    },
    promises,
    random,
    over: false,
    begun(among) {
      killing ??= killer.kill({ mark, among, after, which }).finally(() => {
        stage.over = true
      })
    },
  }
  const { phase } = plans[name as keyof typeof plans]
  await within(`${name} settles`, phase(stage), () => ({ ...attempt, promises }))
  const killed = await killing!
  for (const [code, count] of promises.rejections) {
    codes.set(code, (codes.get(code) ?? 0) + count)
    if (!isExpected({ code })) throw new Error(`calls ended with ${code}`)
  }
  if (promises.made !== promises.settled)
    throw new Error(`${promises.made - promises.settled} promises were left`)
  settledPromises.made += promises.made
  settledPromises.settled += promises.settled
  return killed.length
}

/** A Node program, or a worker of one that is just ending. @returns whether it was killed in time */
async function killProgram(attempt: Attempt): Promise<number> {
  const { name, side, number, random, mark } = attempt
  const program = runProgram('kill-victim', [name, String(seed + number)], {
    env: { ...process.env, ...environmentOf(attempt) },
  })
  const workers = (await program.line('begun')).split(' ').map(Number)
  const among = side === 'node' ? [program.child.pid!] : workers
  const killed = await killer.kill({ mark, among, after: random() * spanOf(attempt), which: 'all' })
  const { code, signal } = await program.ended
  if (signal !== 'SIGKILL' || side === 'worker') {
    const wanted = program.lines.find(line => line.startsWith('code '))
    if (wanted !== `code ${code}`)
      throw new Error(`${wanted}, but ${code} ${signal}: ${program.errors()}`)
  }
  return killed.length
}

async function attemptTo(attempt: Attempt): Promise<number> {
  const { name, side, mark } = attempt
  try {
    const here = side === 'worker' && name !== 'exit'
    const killed = await (here ? killWorker(attempt) : killProgram(attempt))
    await until(
      'no process is left',
      () => bearersOf(mark).length === 0,
      () => ({ left: bearersOf(mark) }),
    )
    return killed
  } catch (error) {
    throw new Error(`${side} in ${name}, kill ${attempt.number} of seed ${seed}`, { cause: error })
  }
}

/** Goes through all phases and both sides, again and again. */
function plan(number: number): Attempt {
  const name = names[number % names.length]!
  const side = Math.floor(number / names.length) % 2 === 0 ? 'worker' : 'node'
  const random = seeded(seed + number)
  return { name, side, number, random, mark: `${storm}${number}.` }
}

const figures = () => ({
  seed,
  descriptors: [...descriptorsOf('self').values()].sort(),
  segments: segmentsOf('self').length,
  mapped: mappingsOf('self').filter(line => line.includes('memfd:isthmus')).length,
  processes: bearersOf(storm),
  unheld: unheldBytes(),
})

t.test(
  `kill -9 ${kills} times (seed ${seed}): no process, no memory, no descriptor, no promise is left`,
  { timeout },
  async t => {
    t.teardown(() => killer.end())
    for (const side of ['worker', 'node'] as const)
      await attemptTo({ ...plan(0), name: oneOf(Math.random, names), side, mark: `${storm}first.` })
    const settled = () => {
      globalThis.gc!()
      const now = figures()
      return now.segments === 0 && now.mapped === 0 && now.processes.length === 0
    }
    await until('nothing is left of the first two', settled, figures)
    const before = figures()
    const done = new Map<string, number>()
    let [killed, late, next, said] = [0, 0, 0, 100]
    const lane = async () => {
      while (killed < kills) {
        const attempt = plan(next++)
        const died = await attemptTo(attempt)
        if (died === 0) {
          late++ // it had ended by itself
          continue
        }
        killed += died
        const what = `${attempt.side} in ${attempt.name}`
        done.set(what, (done.get(what) ?? 0) + died)
        if (killed >= said) {
          t.comment(`${killed} of ${kills} kills`)
          said += 100
        }
      }
    }
    await Promise.all(Array.from({ length: lanes }, lane))
    for (const [what, count] of [...done].sort()) t.comment(`${what}: ${count} kills`)
    t.comment(`tried: ${killed} kills in ${done.size} places, seed ${seed}`)
    t.comment(`${late} kills came too late, and are not counted`)
    const rejected = [...codes].map(([code, count]) => `${count} rejected with ${code}`)
    t.comment(`tried: ${settledPromises.made} promises, all settled, ${rejected.join(', ')}`)
    if (names.length === all.length && kills >= 500)
      t.equal(done.size, 2 * names.length, 'either side was killed in every phase')
    await until(
      'nothing is left',
      () => {
        const now = figures()
        return (
          settled() &&
          now.descriptors.length <= before.descriptors.length &&
          now.unheld - before.unheld < tolerance
        )
      },
      () => ({ before, now: figures() }),
    )
    const after = figures()
    t.same(after.descriptors, before.descriptors)
    t.comment(`shared memory that nobody holds: ${(after.unheld - before.unheld) / 1024} KiB more`)
  },
)

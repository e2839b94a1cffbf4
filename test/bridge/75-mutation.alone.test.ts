// Another process changes the control segment of channels that are in use: bits, bytes and words of records, positions and
// announcements. What comes of it is a typed error or the right result; never a wrong one, a crash or a hang. (issue 4)
// ISTHMUS_FLIPS: how many; ISTHMUS_SEED: which; ISTHMUS_AREA: only there.
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Bridge, spawn, type WorkerExitedError } from 'isthmus'
import t from 'tap'
import { bridgeFor, type Test as Owner } from '../fixtures/bridges.js'
import { type Area, areas, type Job, type Report, Segment } from '../fixtures/flipper.js'
import { gatesOf } from '../fixtures/gates.js'
import {
  bursts,
  callbacks,
  calls,
  codeOf,
  type Load,
  Promises,
  script,
  streams,
} from '../fixtures/loads.js'
import { descriptorsOf, gone, stateOf } from '../fixtures/processes.js'
import { below, oneOf, seeded, seedOfTest } from '../fixtures/random.js'
import { until, within } from '../fixtures/watchdog.js'

const flips = Number(process.env.ISTHMUS_FLIPS ?? 250)
const seed = seedOfTest()
const names = Object.keys(areas).filter(
  name => name === (process.env.ISTHMUS_AREA ?? name),
) as Area[]
/** In one channel, if it lives so long: a record that was changed and read is the last. */
const flipsOfOne = 50
/** Most channels are for records, which are what matters, and few changes of them are survived. */
const turns: Area[] = [...Array(4).fill(['records to Python', 'records to Node']), names]
  .flat()
  .filter(name => names.includes(name))
/** Channels that are in use at the same time. */
const lanes = 3
/** Where a change may lose a wake-up, and what calls are given there. Milliseconds. */
const patience: Partial<Record<Area, number>> = { tail: 1000, head: 1000, awaits: 1000 }

const timeLimit = 60_000 + flips * 500
t.setTimeout(timeLimit)

class Flipper {
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, (report: Report) => void>()

  constructor() {
    this.#process = fork(fileURLToPath(new URL('../fixtures/flipper.js', import.meta.url)), [
      'flip',
    ])
    this.#process.on('message', (report: Report) => {
      this.#waiting.get(report.id)!(report)
      this.#waiting.delete(report.id)
    })
  }

  run(job: Job): Promise<Report> {
    this.#process.send(job)
    return new Promise(resolve => this.#waiting.set(job.id, resolve))
  }

  stop(id: number): void {
    if (this.#waiting.has(id)) this.#process.send(id)
  }

  end(): void {
    this.#process.disconnect()
  }
}

type Test = Owner & { equal(found: unknown, wanted: unknown): unknown }

/** What became of the channels of one area. */
interface Figures {
  flips: number
  live: number
  channels: number
  readonly outcomes: Map<string, number>
}

const areaFigures = new Map<Area, Figures>(
  names.map(name => [name, { flips: 0, live: 0, channels: 0, outcomes: new Map() }]),
)

const wordsOf = (outcomes: Map<string, number>) =>
  [...outcomes]
    .sort()
    .map(([outcome, count]) => `${count} × ${outcome}`)
    .join(', ')

/** Words for an error that may come of a change in this area. @throws an error that may not */
function outcomeOf(area: Area, error: unknown): string {
  const code = codeOf(error) ?? ''
  const { stderr = [], exitCode } = error as Partial<WorkerExitedError>
  if (code === 'ERR_PROTOCOL') return 'ERR_PROTOCOL in Node'
  const told = stderr.some(line => line.includes('sent a malformed message, so this worker ends'))
  if (code === 'ERR_WORKER_EXITED' && exitCode === 1 && told) return 'ERR_PROTOCOL in Python'
  if (code === 'ERR_TIMEOUT' && patience[area] !== undefined) return 'ERR_TIMEOUT'
  if (code === 'ERR_ARENA_FULL' && area === 'figures') return 'ERR_ARENA_FULL'
  throw new Error(`a change of ${area} led to something else`, { cause: error })
}

/** Node, too, does not look at its ring for a moment, so that records lie there. */
async function stall(random: () => number, done: () => boolean): Promise<void> {
  while (!done()) {
    const until = performance.now() + random()
    while (performance.now() < until);
    await new Promise(resolve => setTimeout(resolve, below(random, 3)))
  }
}

async function keepBusy(py: Bridge, random: () => number, done: () => boolean): Promise<void> {
  while (!done()) await py.call('busy', random() * 0.001)
}

function segmentOf(py: Bridge): string {
  for (const [descriptor, link] of descriptorsOf(py.pid))
    if (link.includes('memfd:isthmus-control')) return `/proc/${py.pid}/fd/${descriptor}`
  throw new Error('the worker has no control segment')
}

async function oneChannel(flipper: Flipper, number: number): Promise<number> {
  const area = turns[number % turns.length]!
  const random = seeded(seed + number)
  const ringBytes = oneOf(random, [4096, 65536])
  const py = await within(
    'spawn',
    spawn(script, {
      ringBytes,
      memory: '128MiB',
      spin: oneOf(random, [0, 'auto'] as const),
      stdout: 'events',
      stderr: 'events',
    }),
  )
  const promises = new Promises()
  const timeout = patience[area] ?? 0
  const job = {
    id: number,
    path: segmentOf(py),
    ringBytes,
    area,
    flips: flipsOfOne,
    seed: seed + number,
  }
  let stopped = false
  const done = () => stopped || py.closed
  const flipping = flipper.run(job).then(report => {
    stopped = true
    return report
  })
  let outcome = 'right results'
  const run = async (work: Promise<void>) => {
    try {
      await work
    } catch (error) {
      if (py.closed && codeOf(error) === 'ERR_CLOSED') return
      outcome = outcomeOf(area, error)
    }
  }
  const load = (load: Load) => run(load({ py, promises, random, timeout, done }))
  const state = () => ({ seed, number, area, outcome, promises, ...py.stats() })
  const caller = timeout > 0 ? py.with({ timeout }) : py
  await within(
    'every call settles',
    Promise.all([
      load(bursts),
      load(calls),
      load(streams),
      load(callbacks),
      run(keepBusy(caller as Bridge, random, done)),
      stall(random, done),
    ]),
    state,
  )
  flipper.stop(number)
  const report = await flipping
  // Nothing is changed any more. Is the channel as good as before, perhaps after some calls have timed out?
  const before = outcome
  const closedBefore = py.closed
  for (let round = 0; round < 3 && !py.closed; round++) {
    let left = 1
    const once = () => left-- <= 0
    outcome = ''
    await within('calls after it', run(calls({ py, promises, random, timeout, done: once })), state)
    if (outcome === '') break
  }
  if (outcome === '') outcome = before === 'ERR_TIMEOUT' ? `${before}, then right results` : before
  else if (!closedBefore) outcome = `${before}, then ${outcome}`
  await within('close', py.close(), state)
  await gone(py.pid)
  if (promises.made !== promises.settled) throw new Error('a promise was left')
  const figures = areaFigures.get(area)!
  figures.flips += report.flips
  figures.live += report.live
  figures.channels++
  figures.outcomes.set(outcome, (figures.outcomes.get(outcome) ?? 0) + 1)
  return report.flips
}

/** What a call rejects with after one change of a record that nobody has read yet; undefined if it was padding. */
async function changed(t: Test, area: Area, number: number): Promise<unknown> {
  const random = seeded(seed + number)
  const ringBytes = 4096
  const py = await bridgeFor(t, script, { ringBytes })
  const segment = new Segment({ path: segmentOf(py), ringBytes }, random)
  try {
    const [ring, stopped] = area === 'records to Python' ? [0, true] : [1, false]
    await py.call('nothing')
    if (stopped) process.kill(py.pid, 'SIGSTOP')
    await until('it stands still', () => !stopped || stateOf(py.pid) === 'T')
    const call = py.call('double', 21)
    while (segment.unread(ring) === 0); // Node does not look meanwhile
    segment.flip(area)
    t.equal(segment.live, 1)
    if (stopped) process.kill(py.pid, 'SIGCONT')
    const outcome = await within(
      'the call settles',
      call.then(
        value => ({ value }),
        (error: unknown) => ({ error }),
      ),
    )
    if ('error' in outcome) return outcome.error
    t.equal(outcome.value, 42)
    return undefined
  } finally {
    segment.close()
  }
}

const several = [1, 2, 3, 4]

t.test('a record for Python was changed: the worker ends, and says why', async t => {
  const errors = []
  for (const number of several) errors.push(await changed(t, 'records to Python', number))
  const seen = errors.filter(error => error !== undefined)
  for (const error of seen)
    t.match(error, {
      code: 'ERR_WORKER_EXITED',
      exitCode: 1,
      message: /sent a malformed message, so this worker ends\..* please report it/,
    })
  t.ok(seen.length > 0, 'not all of them were padding')
})

t.test('a record for Node was changed: the bridge is closed, and says why', async t => {
  const errors = []
  for (const number of several) errors.push(await changed(t, 'records to Node', number))
  const seen = errors.filter(error => error !== undefined)
  for (const error of seen)
    t.match(error, { code: 'ERR_PROTOCOL', message: /the bridge is closed\..* please report it/ })
  t.ok(seen.length > 0, 'not all of them were padding')
})

t.test('that Node sleeps was hidden from the worker: with the next call it looks', async t => {
  const py = await bridgeFor(t, script, { spin: 0 })
  const segment = new Segment({ path: segmentOf(py), ringBytes: 4096 }, Math.random)
  t.teardown(() => segment.close())
  for (let time = 0; time < 5; time++) {
    await new Promise(resolve => setTimeout(resolve, 1)) // in which its loop sleeps
    segment.hush(0)
    t.equal(await within('a call', py.call('double', time)), 2 * time)
  }
  const gate = gatesOf(t)()
  const hidden = py.call('wait_for', gate.path)
  await new Promise(resolve => setTimeout(resolve, 10))
  segment.hush(0)
  gate.open()
  await until('it is answered', () => segment.unread(1) > 0)
  t.equal(await within('the next call', py.call('double', 4)), 8)
  t.equal(await within('the one before', hidden), null)
})

t.test(
  `${flips} changes from outside (seed ${seed}): a typed error or the right result`,
  { timeout: timeLimit },
  async t => {
    const flipper = new Flipper()
    t.teardown(() => flipper.end())
    let [flipped, next, said] = [0, 0, 1000]
    const lane = async () => {
      while (flipped < flips) {
        const done = await oneChannel(flipper, next++)
        flipped += done
        if (flipped < said) continue
        t.comment(`${flipped} of ${flips} changes`)
        said += 1000
      }
    }
    await Promise.all(Array.from({ length: lanes }, lane))
    for (const [name, { flips, live, channels, outcomes }] of areaFigures)
      t.comment(
        `${name}: ${flips} changes, ${live} of unread records, in ${channels} channels: ${wordsOf(outcomes)}`,
      )
    t.comment(`tried: ${flipped} changes in ${next} channels, seed ${seed}`)
    const all = new Map<string, number>()
    for (const { outcomes } of areaFigures.values())
      for (const [outcome, count] of outcomes) all.set(outcome, (all.get(outcome) ?? 0) + count)
    t.comment(`tried: channels ended with ${wordsOf(all)}`)
    const noticed = [...all.keys()].some(outcome => outcome.includes('ERR_PROTOCOL'))
    t.ok(noticed, 'some changes were noticed')
  },
)

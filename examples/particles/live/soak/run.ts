// One run of the soak: a server in a process of its own, acts of viewers, a sample every second, the end.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { descriptorCount, residence } from '../../../../bench/process-tree.js'
import { isAlive } from '../../../../test/fixtures/processes.js'
import { until } from '../../../../test/fixtures/watchdog.js'
import { Random } from '../../../../test/soak/random.js'
import type { Series } from '../../../../test/soak/series.js'
import { judge, type Verdict } from '../../../../test/soak/trend.js'
import { Client } from '../client.js'
import type { Figures } from '../page/protocol.js'
import { ServerProcess } from '../server-process.js'
import { Visitors } from './visitors.js'

export type Sample = Readonly<Record<string, number>>

export interface Outcome {
  readonly seconds: number
  readonly samples: readonly Sample[]
  readonly verdicts: readonly Verdict[]
  /** How often each act was done. */
  readonly done: Readonly<Record<string, number>>
  readonly failures: readonly string[]
}

/** Milliseconds from one act to the next. */
const pace = 1000 / 6

/** Seconds. In less, the first viewers and the first large runs look like a trend. */
const shortestJudged = 300

const series: readonly Series[] = [
  { key: 'nodeRss', name: 'Node: resident', unit: 'MB', allowed: 32 },
  { key: 'nodePrivate', name: 'Node: private', unit: 'MB', allowed: 32 },
  { key: 'pythonRss', name: 'Python: resident', unit: 'MB', allowed: 32 },
  { key: 'pythonPrivate', name: 'Python: private', unit: 'MB', allowed: 32 },
  { key: 'shared', name: 'shared memory', unit: 'MB', allowed: 32 },
  { key: 'states', name: 'states', unit: '', allowed: 6 },
  { key: 'nodeDescriptors', name: 'Node: descriptors', unit: '', allowed: 6 },
  { key: 'pythonDescriptors', name: 'Python: descriptors', unit: '', allowed: 6 },
]

interface SoakOptions {
  readonly seconds: number
  readonly seed: number
  /** Hears how it goes, now and then. */
  said?(line: string): void
}

export async function soak({ seconds, seed, said }: SoakOptions): Promise<Outcome> {
  await using server = await ServerProcess.start(['--particles', '20000', '--seed', String(seed)])
  const { workers } = server
  const visitors = new Visitors(server.url, new Random(seed))
  const watcher = await Client.connect(server.url)
  let figures = await nextFigures(watcher)
  watcher.on('figures', next => {
    figures = next
  })
  const samples: Sample[] = []
  const start = performance.now()
  const elapsed = () => (performance.now() - start) / 1000
  let acts = 0
  while (elapsed() < seconds) {
    await visitors.act()
    acts++
    if (elapsed() >= samples.length) {
      samples.push({ at: elapsed(), ...sampleOf(server, figures), acts })
      const { nodePrivate, pythonPrivate, shared, states } = samples.at(-1)!
      if (samples.length % 30 === 0)
        said?.(
          `${samples.length} s: ${acts} acts, Node ${nodePrivate!.toFixed(0)} MB, Python ${pythonPrivate!.toFixed(0)} MB, shared ${shared!.toFixed(0)} MB, ${states} states`,
        )
    }
    await sleep(Math.max(0, start + acts * pace - performance.now()))
  }

  const { failures } = visitors
  const check = (what: string, condition: () => boolean | Promise<boolean>) =>
    until(what, condition, () => ({ figures })).catch((error: Error) =>
      failures.push(error.message),
    )
  await visitors.leave()
  await check('only the watcher is left', () => figures.viewers === 1)
  await check('nobody holds a state', () => figures.states <= 3)
  if (figures.copiedBytes !== 0) failures.push(`${figures.copiedBytes} bytes were copied`)
  await watcher.close()
  const code = await server.stop()
  if (code !== 0) failures.push(`the server ended with ${code}`)
  await check('Python has ended', () => !workers.some(isAlive))
  const verdicts = series.flatMap(each => {
    const points = samples.map(sample => ({ at: sample.at!, value: sample[each.key]! }))
    return (seconds >= shortestJudged ? judge(each, points) : undefined) ?? []
  })
  return { seconds, samples, verdicts, done: visitors.done, failures }
}

async function nextFigures(client: Client): Promise<Figures> {
  return ((await once(client, 'figures')) as [Figures])[0]
}

function sampleOf({ pid, workers }: ServerProcess, figures: Figures): Sample {
  const node = residence(pid)
  const python = workers.map(residence)
  const sum = (of: (each: (typeof python)[number]) => number) =>
    python.reduce((all, each) => all + of(each), 0)
  return {
    nodeRss: node.rss,
    nodePrivate: node.anon,
    pythonRss: sum(({ rss }) => rss),
    pythonPrivate: sum(({ anon }) => anon),
    shared: figures.memory.shared,
    states: figures.states,
    viewers: figures.viewers,
    steps: figures.stepsPerSecond,
    nodeDescriptors: descriptorCount(pid),
    pythonDescriptors: workers.reduce((all, worker) => all + descriptorCount(worker), 0),
  }
}

// One run of the soak: start, load, sample, settle, close, look at what is left.
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { within } from '../fixtures/watchdog.js'
import { Prober as Probe, type Prober, type Window } from './latency.js'
import { before, nothingLeft, released } from './leftovers.js'
import { Load } from './load.js'
import { startProgress } from './progress.js'
import { Random } from './random.js'
import { type Sample, Sampler } from './sampler.js'
import { judged } from './series.js'
import { Target, type TargetName } from './target.js'
import { judge, type Verdict } from './trend.js'

export interface Outcome {
  readonly seconds: number
  readonly samples: readonly Sample[]
  readonly windows: readonly Window[]
  /** Of the whole run. */
  readonly latency: Omit<Window, 'at'>
  readonly done: Readonly<Record<string, number>>
  readonly lost: number
  readonly verdicts: readonly Verdict[]
  readonly failures: readonly string[]
  readonly wrong: number
}

const names: readonly TargetName[] = ['steady', 'fragile', 'threaded', 'plain']

export async function soak({ minutes, seed }: { minutes: number; seed: number }): Promise<Outcome> {
  const seconds = minutes * 60
  // The first process that Node starts leaves descriptors of its own, and so does the first thread.
  await warmed()
  const atFirst = before()

  const targets = await Promise.all(names.map(name => Target.start(name)))
  const load = new Load(targets, new Random(seed))
  const start = performance.now()
  const sampler = new Sampler(load, start)
  const prober = new Probe(targets[0]!.py, message => load.fail(message))
  await watched(load, sampler, prober, { start, seconds })
  const { all, windows } = prober

  for (const work of [
    ...targets.map(target => () => released(target)),
    ...targets.map(
      ({ py }) =>
        () =>
          within('close', py.close(), () => py.stats()),
    ),
    () => nothingLeft(atFirst),
  ])
    await work().catch(error => load.fail(error.message))

  return {
    seconds,
    samples: sampler.samples,
    windows,
    latency: {
      count: all.count,
      p50: all.percentile(0.5) / 1e6,
      p99: all.percentile(0.99) / 1e6,
      p999: all.percentile(0.999) / 1e6,
      max: all.max / 1e6,
    },
    done: load.done,
    lost: load.lost,
    verdicts: verdictsOf(sampler.samples),
    failures: load.failures,
    wrong: load.wrong,
  }
}

async function warmed(): Promise<void> {
  const target = await Target.start('plain')
  await target.py.call('double', 1)
  await target.py.close()
}

/** Runs the load, with a sample every second and a window of latencies now and then. */
async function watched(
  load: Load,
  sampler: Sampler,
  prober: Prober,
  { start, seconds }: { start: number; seconds: number },
): Promise<void> {
  const progress = startProgress(seconds)
  const window = Math.max(0.9, seconds / 60)
  const running = load.run()
  const elapsed = () => (performance.now() - start) / 1000
  for (let ended = 0; elapsed() < seconds; ) {
    await sleep(1000 * (Math.floor(elapsed() + 1.5) - elapsed()))
    const sample = await sampler.sample()
    if (sample.at! - ended >= window) {
      prober.next(sample.at!)
      ended = sample.at!
    }
    progress.update(sample.at!, note(load, sample, prober.windows.at(-1)))
  }
  load.stop()
  await prober.stop()
  await running
  await sampler.stop()
  progress.stop()
}

const whole = (value: number | undefined) => Math.round(value ?? NaN).toLocaleString('en-US')

function note(load: Load, sample: Sample, latency: Window | undefined): string {
  const p50 = latency === undefined ? '' : `p50 ${latency.p50.toFixed(2)} ms, `
  return (
    `${whole(sample.acts)} acts, ${load.wrong} wrong, ${sample.restarts} restarts, ${p50}` +
    `Node ${whole(sample['node.private'])} MB, shared ${whole(sample.segments)} MB, ${sample.leases} leases`
  )
}

function verdictsOf(samples: readonly Sample[]): Verdict[] {
  return judged.flatMap(series => {
    const points = samples.map(sample => {
      const value = sample[series.key]
      if (value === undefined) throw new Error(`no figure ${series.key} in ${inspect(sample)}`)
      return { at: sample.at!, value }
    })
    return judge(series, points) ?? []
  })
}

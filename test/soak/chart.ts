// The picture of a run: charts below each other that share the axis of time. Legible on light and on dark pages.

import { linear, logarithmic } from '../../bench/charts/axis.js'
import {
  drawPanels,
  type Line,
  largestOf,
  type Panel,
  type Points,
} from '../../bench/charts/panels.js'
import type { Machine } from '../../bench/machine.js'
import type { Options } from './options.js'
import type { Outcome } from './run.js'
import { warmUp } from './trend.js'

export function draw(outcome: Outcome, about: Options & { readonly machine: Machine }): string {
  const seconds = outcome.samples.at(-1)!.at!
  return drawPanels(panelsOf(outcome, about.trend), {
    title: 'The soak: memory, descriptors, latency and throughput over time',
    summary: summary(outcome),
    circumstances: circumstances(about),
    seconds,
    warm: about.trend ? seconds * warmUp : 0,
  })
}

function summary({ done, samples, wrong, seconds }: Outcome): string {
  const checked = Object.values(done).reduce((sum, count) => sum + count, 0)
  const last = samples.at(-1)!
  const length = seconds >= 120 ? `${Math.round(seconds / 60)} minutes` : `${seconds} seconds`
  return `${length} of mixed load: ${whole(checked)} acts checked, ${wrong} wrong; ${last.restarts} restarts, ${whole(last.megabytes! / 1024)} GB of arrays`
}

const circumstances = ({ machine, seed }: Options & { readonly machine: Machine }) =>
  `${machine.cpu}, ${machine.cpus} CPUs, Linux ${machine.kernel}, Node ${machine.node}, Python ${machine.python}, numpy ${machine.packages.numpy}; commit ${machine.commit}, seed ${seed}`

function panelsOf(outcome: Outcome, trend: boolean): Panel[] {
  const { samples, windows, verdicts } = outcome
  const line = (name: string, key: string): Line => {
    const verdict = trend ? verdicts.find(each => each.key === key) : undefined
    const points = samples.map(sample => [sample.at!, sample[key]!] as const)
    return verdict === undefined
      ? { name, points }
      : {
          name,
          note: `${signed(verdict.slope)} ${verdict.unit} per hour`.replace('  ', ' '),
          points,
        }
  }
  const latency = (name: string, key: 'p50' | 'p99' | 'max'): Line => ({
    name,
    points: windows.map(window => [window.at, window[key]] as const),
  })
  const counted = (title: string, lines: readonly Line[]): Panel => ({
    title,
    lines,
    axis: linear(largestOf(lines)),
  })
  const latencies = [latency('p50', 'p50'), latency('p99', 'p99'), latency('longest', 'max')]
  const values = latencies.flatMap(({ points }) => points.map(([, value]) => value))
  return [
    counted('Private memory, MB', [
      line('Node', 'node.private'),
      line('pool, 2 workers', 'steady.private'),
      line('worker with threads', 'threaded.private'),
      line('plain worker', 'plain.private'),
    ]),
    counted('Shared memory of all segments, MB', [line('segments', 'segments')]),
    counted('Open descriptors, and leases', [
      line('Node, descriptors', 'node.descriptors'),
      line('pool, descriptors', 'steady.descriptors'),
      line('leases', 'leases'),
    ]),
    {
      title: 'A small call to the pool while the load runs, ms',
      lines: latencies,
      axis: logarithmic(Math.min(...values), Math.max(...values)),
    },
    {
      ...counted('Acts per second', [{ name: 'acts', points: rateOf(outcome) }]),
      marks: { name: 'a worker was killed', at: momentsOf(outcome) },
    },
  ]
}

const rateOf = ({ samples }: Outcome): Points =>
  samples.slice(1).map((sample, at) => {
    const before = samples[at]!
    return [sample.at!, (sample.acts! - before.acts!) / (sample.at! - before.at!)]
  })

const momentsOf = ({ samples }: Outcome): number[] =>
  samples
    .slice(1)
    .flatMap((sample, at) => (sample.kills! > samples[at]!.kills! ? [sample.at!] : []))

const whole = (value: number) => Math.round(value).toLocaleString('en-US')
const signed = (value: number) =>
  `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(Math.abs(value) < 10 ? 1 : 0)}`

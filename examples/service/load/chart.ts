// The picture of a run: requests, latency and memory over time. Legible on light and on dark pages.

import { type Axis, linear, logarithmic, time } from '../../../bench/charts/axis.js'
import { escaped, page, px } from '../../../bench/charts/page.js'
import { phaseOf, type Result } from './report.js'

interface Line {
  readonly name: string
  readonly points: readonly (readonly [at: number, value: number])[]
}

interface Panel {
  readonly title: string
  readonly axis: Axis
  readonly lines: readonly Line[]
}

const left = 64
const right = 760
const top = 100
const panelHeight = 150
const gap = 64
const colours = ['a', 'b', 'c'] as const

const rules = [
  '.grid { stroke: #d8dee4; stroke-width: 1 }',
  '.over { fill: #fff1e5 }',
  '.line { fill: none; stroke-width: 1.5; stroke-linejoin: round }',
  '.a { stroke: #0969da } .b { stroke: #bc4c00 } .c { stroke: #57606a }',
]
const dark = [
  '.grid { stroke: #21262d }',
  '.over { fill: #2d1f10 }',
  '.a { stroke: #58a6ff } .b { stroke: #f0883e } .c { stroke: #9198a1 }',
]

export function draw(result: Result): string {
  const panels = panelsOf(result)
  const across = time(result.phases.at(-1)!.to)
  const height = top + panels.length * (panelHeight + gap) + 10
  const x = (at: number) => left + across.place(at) * (right - left)
  const { machine, settings } = result
  return page({
    height,
    title: 'The HTTP service under twice its capacity: requests, latency and memory over time',
    description: headline(result),
    rules,
    dark,
    body: [
      `  <text class="head" x="24" y="32">${escaped(headline(result))}</text>`,
      `  <text class="quiet" x="24" y="52">${settings.workers} ${settings.workers === 1 ? 'worker' : 'workers'}, at most ${settings.maxQueue} rows wait; ${escaped(machine.cpu)}, ${machine.cpus} CPUs, shared with the load generator; Node ${machine.node}, Python ${machine.python}, commit ${machine.commit}</text>`,
      ...panels.map((panel, at) =>
        drawPanel(panel, result, top + at * (panelHeight + gap), x, across),
      ),
      `  <text class="quiet" x="${(left + right) / 2}" y="${height - 16}" text-anchor="middle">${across.unit} since the start</text>`,
    ],
  })
}

function headline({ phases }: Result): string {
  const { offered, accepted, refused, latency } = phaseOf(phases, 'double')
  return `Twice the capacity: ${whole(offered)} requests/s offered, ${whole(accepted)} answered, ${(refused * 100).toFixed(0)} % refused; p99 of the answered ${latency.p99.toFixed(0)} ms`
}

function panelsOf({ seconds, samples, bound }: Result): Panel[] {
  // A second in which a phase began or ended is no whole one.
  const lines = (...keys: readonly (readonly [string, keyof (typeof seconds)[number]])[]): Line[] =>
    keys.map(([name, key]) => ({
      name,
      points: seconds
        .filter(second => second[key] > 0 || key === 'refused')
        .map(second => [second.at + 0.5, second[key]]),
    }))
  const counts = lines(
    ['offered', 'offered'],
    ['answered 503', 'refused'],
    ['answered 200', 'accepted'],
  )
  const latencies = [
    ...lines(['p50', 'p50'], ['p99', 'p99']),
    { name: 'length of a full queue', points: seconds.map(({ at }) => [at + 0.5, bound] as const) },
  ]
  const values = latencies.flatMap(({ points }) => points.map(([, value]) => value))
  const memory = (['workers', 'node', 'shared'] as const).map(key => ({
    name: { workers: 'workers', node: 'Node', shared: 'shared memory' }[key],
    points: samples.map(sample => [sample.at, sample[key]] as const),
  }))
  return [
    { title: 'Requests per second', axis: linear(largestOf(counts)), lines: counts },
    {
      title: 'Latency of requests answered 200, ms',
      axis: logarithmic(Math.min(...values), Math.max(...values)),
      lines: latencies,
    },
    { title: 'Resident memory, MB', axis: linear(largestOf(memory)), lines: memory },
  ]
}

const largestOf = (lines: readonly Line[]) =>
  Math.max(...lines.flatMap(({ points }) => points.map(([, value]) => value)))

function drawPanel(
  { title, axis, lines }: Panel,
  { phases }: Result,
  y: number,
  x: (at: number) => number,
  across: Axis,
): string {
  const bottom = y + panelHeight
  const up = (value: number) => px(bottom - axis.place(value) * panelHeight)
  const { from, to } = phaseOf(phases, 'double')
  const labels = phases.map(
    ({ name, from, to }) =>
      `  <text class="quiet" x="${px((x(from) + x(to)) / 2)}" y="${y - 4}" text-anchor="middle">${name}</text>`,
  )
  return [
    `  <rect class="over" x="${px(x(from))}" y="${y}" width="${px(x(to) - x(from))}" height="${panelHeight}"/>`,
    `  <text class="title" x="${left}" y="${y - 20}">${title}</text>`,
    ...labels,
    ...axis.ticks.map(
      ({ value, label }) =>
        `  <line class="grid" x1="${left}" y1="${up(value)}" x2="${right}" y2="${up(value)}"/>
  <text class="quiet" x="${left - 8}" y="${up(value) + 4}" text-anchor="end">${label}</text>`,
    ),
    ...across.ticks.map(
      ({ value, label }) =>
        `  <text class="quiet" x="${px(x(value))}" y="${bottom + 16}" text-anchor="middle">${label}</text>`,
    ),
    ...lines.map(
      ({ points }, at) =>
        `  <polyline class="line ${colours[at]}" points="${points.map(([at, value]) => `${px(x(at))},${up(value)}`).join(' ')}"/>`,
    ),
    ...lines.map(
      ({ name }, at) =>
        `  <g transform="translate(${right + 18} ${y + 10 + at * 22})"><line class="line ${colours[at]}" x2="18"/><text x="26" y="4">${name}</text></g>`,
    ),
  ].join('\n')
}

const whole = (value: number) => Math.round(value).toLocaleString('en-US')

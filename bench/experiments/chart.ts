// The picture of an experiment: a row for each arm, a column of bars for each quantity. Legible on light and dark pages.
import { escaped, page, width } from '../charts/page.js'
import type { ArmResult } from './arm.js'
import type { Chart, ExperimentResults, Panel } from './experiment.js'

const left = 24
const names = 300
const gap = 20
const top = 84
const rowHeight = 26
const barHeight = 14
const labelWidth = 62

const rules = [
  '.rule { stroke: #d8dee4; stroke-width: 1 }',
  '.ours { fill: #0969da } .other { fill: #afb8c1 }',
]
const dark = ['.rule { stroke: #21262d }', '.ours { fill: #58a6ff } .other { fill: #6e7681 }']

export function draw(chart: Chart, { arms, machine, date }: ExperimentResults): string {
  const shown = arms.filter(({ result, part }) => result && part === chart.part)
  const height = top + shown.length * rowHeight + 44
  const panelWidth =
    (width - 2 * left - names - gap * (chart.panels.length - 1)) / chart.panels.length
  const rows = shown.map(({ title, ours }, at) => {
    const y = top + at * rowHeight
    return [
      `  <line class="rule" x1="${left}" x2="${width - left}" y1="${y}" y2="${y}"/>`,
      `  <text${ours ? ' class="title"' : ''} x="${left}" y="${y + 17}">${escaped(title)}</text>`,
    ].join('\n')
  })
  const signed = chart.panels.filter(panel => panel.signed)
  const most = Math.max(
    ...signed.flatMap(({ value }) => shown.map(({ result }) => Math.abs(value(result!) ?? 0))),
  )
  const panels = chart.panels.map((panel, at) =>
    drawPanel(panel, { arms: shown, most, x: left + names + at * (panelWidth + gap), panelWidth }),
  )
  const circumstances = `${machine.cpu}, ${machine.cpus} CPUs, Node ${machine.node}, Python ${machine.python}; ${date.slice(0, 10)}, commit ${machine.commit}`
  return page({
    height,
    title: chart.title,
    description: shown.map(arm => described(arm, chart)).join('; '),
    rules,
    dark,
    body: [
      `  <text class="head" x="${left}" y="34">${escaped(chart.title)}</text>`,
      ...rows,
      ...panels,
      `  <text class="quiet" x="${left}" y="${height - 18}">${escaped(circumstances)}</text>`,
    ],
  })
}

const described = ({ title, result }: ArmResult, { panels }: Chart): string =>
  `${title}: ${panels
    .map(({ title: name, value, show }) => {
      const seen = value(result!)
      return `${name} ${seen === undefined ? 'none' : show(seen)}`
    })
    .join(', ')}`

interface Place {
  readonly arms: readonly ArmResult[]
  readonly x: number
  readonly panelWidth: number
  /** The largest value of all signed panels, without its sign. */
  readonly most: number
}

function drawPanel(panel: Panel, { arms, x, panelWidth, most }: Place): string {
  const values = arms.map(({ result }) => panel.value(result!))
  const known = values.filter(value => value !== undefined)
  const share = panel.signed ? (value: number) => value / most : scale(known, panel.logarithmic)
  // Bars of either sign begin in the middle of what there is for bars.
  const room = (panelWidth - labelWidth) / (panel.signed ? 2 : 1)
  const start = panel.signed ? x + room : x
  const bars = arms.map(({ ours }, at) => {
    const value = values[at]
    const y = top + at * rowHeight + (rowHeight - barHeight) / 2
    if (value === undefined) return `  <text class="quiet" x="${x}" y="${y + 11}">–</text>`
    const length = Math.max(1, Math.abs(share(value)) * room)
    const left = value < 0 && panel.signed ? start - length : start
    const end = Math.max(start, left + length)
    return [
      `  <rect class="${ours ? 'ours' : 'other'}" x="${left.toFixed(1)}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" rx="2"/>`,
      `  <text x="${(end + 6).toFixed(1)}" y="${y + 11}">${escaped(panel.show(value))}</text>`,
    ].join('\n')
  })
  const note = panel.logarithmic ? ', logarithmic' : ''
  return [
    `  <text class="title" x="${x.toFixed(1)}" y="${top - 12}">${escaped(panel.title)}<tspan class="quiet">${note}</tspan></text>`,
    ...bars,
  ].join('\n')
}

/** Where a value lies between nothing and the largest; logarithmic bars begin below the smallest. */
function scale(values: readonly number[], logarithmic = false): (value: number) => number {
  const largest = Math.max(...values)
  if (!logarithmic) return value => value / largest
  const start = Math.log10(Math.min(...values)) - 0.3
  return value => (Math.log10(value) - start) / (Math.log10(largest) - start)
}

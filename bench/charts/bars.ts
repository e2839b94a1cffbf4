// A row for each contender: a bar from nothing, or a ratio with its interval on a logarithmic scale.
import type { Kind } from '../contender.js'
import { type Axis, linear, logarithmic } from './axis.js'
import { type Chart, kindsOf, type Words } from './drawing.js'
import { legend, mark } from './kinds.js'
import { escaped, px } from './page.js'

interface Row {
  readonly label: string
  readonly kind: Kind
  readonly value: number
  /** What stands at its end. */
  readonly text: string
  readonly low?: number | undefined
  readonly high?: number | undefined
}

interface Reference {
  readonly value: number
  readonly label: string
}

export interface RowChart extends Words {
  readonly rows: readonly Row[]
  readonly axisTitle: string
  /** Lines across all rows. */
  readonly references: readonly Reference[]
}

const kLetter = 6.3
const kRow = 24

/** Bars from 0. */
export function barChart(chart: RowChart): Chart {
  const largest = Math.max(...[...chart.rows, ...chart.references].map(({ value }) => value))
  return { ...chart, draw: width => draw(chart, width, linear(largest), bar) }
}

/** Points with their intervals, on a logarithmic axis. */
export function intervalChart(chart: RowChart): Chart {
  const lows = chart.rows.map(({ low, value }) => low ?? value)
  const highs = chart.rows.map(({ high, value }) => high ?? value)
  const references = chart.references.map(({ value }) => value)
  const axis = logarithmic(Math.min(...lows, ...references), Math.max(...highs, ...references))
  return { ...chart, draw: width => draw(chart, width, axis, whisker) }
}

type Shape = (row: Row, place: (value: number) => number, y: number) => string

const bar: Shape = ({ kind, value }, place, y) =>
  `<rect class="bar ${kind}" x="${px(place(0))}" y="${px(y - 7)}" width="${px(Math.max(1, place(value) - place(0)))}" height="14" rx="2"/>`

const whisker: Shape = ({ kind, value, low, high }, place, y) => {
  const point = mark(kind, place(value), y)
  if (low === undefined || high === undefined) return point
  const [from, to] = [px(place(low)), px(place(high))]
  return `<path class="whisker ${kind}" d="M${from} ${y - 4}v8M${from} ${y}H${to}M${to} ${y - 4}v8"/>${point}`
}

function draw(chart: RowChart, width: number, axis: Axis, shape: Shape) {
  const { rows, references, axisTitle } = chart
  const narrow = width < 600
  const key = legend(kindsOf(rows), width)
  const top = key.height + 20 + references.length * 14
  const left = narrow ? 8 : Math.max(...rows.map(({ label }) => label.length)) * kLetter + 16
  const right =
    width - (narrow ? 30 : Math.max(...rows.map(({ text }) => text.length)) * kLetter + 16)
  const rowHeight = narrow ? kRow + 18 : kRow
  const bottom = top + rows.length * rowHeight + 6
  const place = (value: number): number => left + axis.place(value) * (right - left)
  const every = Math.ceil((axis.ticks.length * 48) / (right - left))
  return {
    height: bottom + 46,
    body: [
      key.body,
      ...axis.ticks
        .filter((_, at) => at % every === 0)
        .map(
          ({ value, label }) =>
            `  <line class="grid" x1="${px(place(value))}" x2="${px(place(value))}" y1="${top}" y2="${bottom}"/><text class="quiet middle" x="${px(place(value))}" y="${bottom + 18}">${escaped(label)}</text>`,
        ),
      `  <text class="quiet middle" x="${px((left + right) / 2)}" y="${bottom + 38}">${escaped(axisTitle)}</text>`,
      ...references.map(
        ({ value, label }, at) =>
          `  <line class="reference" x1="${px(place(value))}" x2="${px(place(value))}" y1="${top - 6}" y2="${bottom}"/><text class="quiet ${place(value) > width / 2 ? 'end' : ''}" x="${px(place(value) + (place(value) > width / 2 ? -4 : 4))}" y="${top - 10 - at * 14}">${escaped(label)}</text>`,
      ),
      ...rows.map((row, at) => {
        const y = top + at * rowHeight + (narrow ? 30 : 16)
        const name = narrow
          ? `<text class="of-${row.kind} label" x="${left}" y="${y - 12}">${escaped(row.label)}<tspan class="quiet"> ${escaped(row.text)}</tspan></text>`
          : `<text class="of-${row.kind} label end" x="${px(left - 12)}" y="${y + 4}">${escaped(row.label)}</text><text class="quiet" x="${px(right + 12)}" y="${y + 4}">${escaped(row.text)}</text>`
        return `  <g class="one">${name}${shape(row, place, y)}<title>${escaped(`${row.label}: ${row.text}`)}</title></g>`
      }),
    ],
  }
}

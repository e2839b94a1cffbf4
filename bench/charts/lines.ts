// Lines over two axes, each with its name at its end.
import type { Kind } from '../contender.js'
import type { Axis } from './axis.js'
import { type Chart, kindsOf, spread, type Words } from './drawing.js'
import { legend, mark } from './kinds.js'
import { escaped, px } from './page.js'

export interface Line {
  readonly label: string
  readonly kind: Kind
  readonly points: readonly { readonly x: number; readonly y: number; readonly note: string }[]
}

export interface LineChart extends Words {
  readonly x: Axis & { readonly title: string }
  readonly y: Axis & { readonly title: string }
  readonly lines: readonly Line[]
}

const kLabelGap = 14
const kLetter = 6.3
const left = 58

export const lineChart = (chart: LineChart): Chart => ({
  ...chart,
  draw: width => draw(chart, width),
})

function draw({ x, y, lines }: LineChart, width: number) {
  const narrow = width < 600
  const key = legend(kindsOf(lines), width)
  const top = key.height + 34
  const longest = Math.max(...lines.map(({ label }) => label.length))
  const right = width - longest * kLetter - 38
  const height = Math.max(narrow ? 360 : 400, lines.length * kLabelGap) + top + 48
  const bottom = height - 48
  const at = (point: { x: number; y: number }): [number, number] => [
    left + x.place(point.x) * (right - left),
    bottom - y.place(point.y) * (bottom - top),
  ]
  const ends = lines.map(({ points }) => at(points.at(-1)!)[1])
  const places = spread(ends, kLabelGap, top + 4, bottom)
  const every = Math.ceil((x.ticks.length * (narrow ? 52 : 58)) / (right - left))
  return {
    height,
    body: [
      key.body,
      `  <text class="quiet" x="0" y="${top - 12}">${escaped(y.title)}</text>`,
      ...y.ticks.map(({ value, label }) => {
        const [, height] = at({ x: 0, y: value })
        return `  <line class="grid" x1="${left}" x2="${px(right)}" y1="${px(height)}" y2="${px(height)}"/><text class="quiet end" x="${left - 8}" y="${px(height + 4)}">${escaped(label)}</text>`
      }),
      ...x.ticks
        .filter((_, index) => index % every === 0)
        .map(({ value, label }) => {
          const [place] = at({ x: value, y: y.ticks[0]!.value })
          return `  <line class="tick" x1="${px(place)}" x2="${px(place)}" y1="${bottom}" y2="${bottom + 5}"/><text class="quiet middle" x="${px(place)}" y="${bottom + 20}">${escaped(label)}</text>`
        }),
      `  <text class="quiet middle" x="${px((left + right) / 2)}" y="${bottom + 40}">${escaped(x.title)}</text>`,
      // Ours last, above the others.
      ...lines
        .map((line, index) => ({ line, place: places[index]! }))
        .sort((a, b) => Number(a.line.kind === 'ours') - Number(b.line.kind === 'ours'))
        .map(({ line, place }) => drawLine(line, { at, right, place })),
    ],
  }
}

interface Placing {
  readonly at: (point: { x: number; y: number }) => [number, number]
  readonly right: number
  /** Height of its label. */
  readonly place: number
}

function drawLine({ label, kind, points }: Line, { at, right, place }: Placing): string {
  const places = points.map(at)
  const [x, y] = places.at(-1)!
  return [
    '  <g class="one">',
    `<polyline class="line ${kind}" points="${places.map(([x, y]) => `${px(x)},${px(y)}`).join(' ')}"/>`,
    ...points.map(
      ({ note }, index) => `<g>${mark(kind, ...places[index]!)}<title>${escaped(note)}</title></g>`,
    ),
    `<line class="leader ${kind}" x1="${px(x + 6)}" y1="${px(y)}" x2="${px(right + 24)}" y2="${px(place)}"/>`,
    `<text class="of-${kind} label" x="${px(right + 27)}" y="${px(place + 4)}">${escaped(label)}</text></g>`,
  ].join('')
}

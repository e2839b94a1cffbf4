// Charts below each other that share the axis of time. Legible on light and on dark pages.
import { type Axis, time } from './axis.js'
import { escaped, page, px } from './page.js'

export type Points = readonly (readonly [at: number, value: number])[]

export interface Line {
  readonly name: string
  /** Below the name: how it goes on. */
  readonly note?: string
  readonly points: Points
}

export interface Panel {
  readonly title: string
  readonly lines: readonly Line[]
  readonly axis: Axis
  /** Moments at which something happened, drawn along the top. */
  readonly marks?: { readonly name: string; readonly at: readonly number[] }
}

const left = 64
const right = 720
const top = 84
const panelHeight = 124
const gap = 46
const colours = ['a', 'b', 'c', 'd'] as const

const rules = [
  '.grid { stroke: #d8dee4; stroke-width: 1 }',
  '.warm { fill: #eaeef2 }',
  '.line { fill: none; stroke-width: 1.5; stroke-linejoin: round }',
  '.a { stroke: #0969da } .b { stroke: #bc4c00 } .c { stroke: #1a7f37 } .d { stroke: #8250df }',
  '.mark { stroke: #cf222e; stroke-width: 1.5 }',
]
const dark = [
  '.grid { stroke: #21262d }',
  '.warm { fill: #161b22 }',
  '.a { stroke: #58a6ff } .b { stroke: #f0883e } .c { stroke: #3fb950 } .d { stroke: #bc8cff }',
  '.mark { stroke: #ff7b72 }',
]

export interface Heading {
  readonly title: string
  /** The headline; also for who cannot see it. */
  readonly summary: string
  readonly circumstances: string
  readonly seconds: number
  /** Seconds at the start that are shaded, because they are not judged. */
  readonly warm: number
}

export function drawPanels(panels: readonly Panel[], heading: Heading): string {
  const { title, summary, circumstances, seconds, warm } = heading
  const across = time(seconds)
  const height = top + panels.length * (panelHeight + gap) + 18
  const x = (at: number) => left + across.place(at) * (right - left)
  const bottom = height - gap - 18
  const drawn = panels.map((panel, at) =>
    drawPanel(panel, { x, y: top + at * (panelHeight + gap), across, warm }),
  )
  return page({
    height,
    title,
    description: summary,
    rules,
    dark,
    body: [
      `  <text class="head" x="24" y="32">${escaped(summary)}</text>`,
      `  <text class="quiet" x="24" y="52">${escaped(circumstances)}</text>`,
      ...drawn,
      `  <text class="quiet" x="${(left + right) / 2}" y="${bottom + 34}" text-anchor="middle">${across.unit} since the start; shaded: warm-up, which is not judged</text>`,
    ],
  })
}

export const largestOf = (lines: readonly Line[]) =>
  Math.max(...lines.flatMap(({ points }) => points.map(([, value]) => value)))

interface Place {
  x(at: number): number
  /** Of its upper edge. */
  readonly y: number
  readonly across: Axis
  /** Seconds that are not judged. */
  readonly warm: number
}

function drawPanel({ title, lines, axis, marks }: Panel, { x, y, across, warm }: Place): string {
  const bottom = y + panelHeight
  const up = (value: number) => bottom - axis.place(value) * panelHeight
  const grid = axis.ticks.map(
    ({ value, label }) =>
      `  <line class="grid" x1="${left}" y1="${px(up(value))}" x2="${right}" y2="${px(up(value))}"/>
  <text class="quiet" x="${left - 8}" y="${px(up(value) + 4)}" text-anchor="end">${label}</text>`,
  )
  const times = across.ticks.map(
    ({ value, label }) =>
      `  <text class="quiet" x="${px(x(value))}" y="${bottom + 16}" text-anchor="middle">${label}</text>`,
  )
  const drawn = lines.map(({ points }, at) => {
    const path = points.map(([time, value]) => `${px(x(time))},${px(up(value))}`).join(' ')
    return `  <polyline class="line ${colours[at]}" points="${path}"/>`
  })
  const ticks = (marks?.at ?? []).map(
    at => `  <line class="mark" x1="${px(x(at))}" y1="${y}" x2="${px(x(at))}" y2="${y + 8}"/>`,
  )
  return [
    `  <rect class="warm" x="${left}" y="${y}" width="${px(x(warm) - left)}" height="${panelHeight}"/>`,
    `  <text class="title" x="${left}" y="${y - 10}">${escaped(title)}</text>`,
    ...grid,
    ...times,
    ...drawn,
    ...ticks,
    ...legend(lines, marks?.name, y),
  ].join('\n')
}

function legend(lines: readonly Line[], mark: string | undefined, y: number): string[] {
  const entry = (sample: string, name: string, note: string | undefined, at: number) => {
    const lineY = y + 8 + at * 31
    return `  <g transform="translate(${right + 18} ${lineY})">${sample}<text x="26" y="4">${escaped(name)}</text>${
      note === undefined ? '' : `<text class="quiet" x="26" y="18">${escaped(note)}</text>`
    }</g>`
  }
  const entries = lines.map(({ name, note }, at) =>
    entry(`<line class="line ${colours[at]}" x2="18"/>`, name, note, at),
  )
  if (mark === undefined) return entries
  const tick = '<line class="mark" x1="9" y1="-4" x2="9" y2="4"/>'
  return [...entries, entry(tick, mark, undefined, lines.length)]
}

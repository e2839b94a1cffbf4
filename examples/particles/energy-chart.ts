import { type Sample, total } from './energy-history.js'

const WIDTH = 800
const HEIGHT = 470
const LEFT = 74
const RIGHT = WIDTH - 92
/** Between the names of two curves. */
const LINE_HEIGHT = 15

interface Panel {
  title: string
  top: number
  bottom: number
  curves: Curve[]
}

interface Curve {
  name: string
  /** Class of its colour: told apart by the colour-blind, too, on light and on dark pages. */
  colour: 'total' | 'kinetic' | 'potential'
  of(sample: Sample): number
}

const STYLE = `
  text { font: 12px system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; fill: #24292f }
  .head { font-weight: 600 }
  .quiet { fill: #57606a }
  .page { fill: #ffffff }
  .grid { stroke: #d8dee4 }
  .zero { stroke: #8c959f }
  polyline { fill: none; stroke-width: 1.75; stroke-linejoin: round }
  .total { stroke: #24292f } .kinetic { stroke: #bc4c00 } .potential { stroke: #0969da }
  text.kinetic { fill: #bc4c00; stroke: none } text.potential { fill: #0969da; stroke: none } text.total { stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .quiet { fill: #9198a1 } .page { fill: #0d1117 }
    .grid { stroke: #21262d } .zero { stroke: #656c76 }
    .total { stroke: #e6edf3 } .kinetic { stroke: #f0883e } .potential { stroke: #58a6ff }
    text.kinetic { fill: #f0883e } text.potential { fill: #58a6ff }
  }
`

/** An SVG of the energies over time, and of how far their sum has drifted since the start. */
export function energyChart(
  samples: readonly Sample[],
  { dt, particles }: { dt: number; particles: number },
): string {
  const start = samples[0] ? total(samples[0]) : 0
  const drift = (sample: Sample) => (start > 0 ? total(sample) / start - 1 : 0)
  // So that the labels are short: -6 for parts per million.
  const power = Math.floor(Math.log10(largest(samples, drift) || 1))
  const panels: Panel[] = [
    {
      title: 'energy per particle, in units of the repulsion k',
      top: 44,
      bottom: 274,
      curves: [
        { name: 'potential', colour: 'potential', of: ({ potential }) => potential / particles },
        { name: 'kinetic', colour: 'kinetic', of: ({ kinetic }) => kinetic / particles },
        { name: 'total', colour: 'total', of: sample => total(sample) / particles },
      ],
    },
    {
      title: `total energy against the start, in ${inWords(power)}`,
      top: 330,
      bottom: 420,
      curves: [{ name: 'drift', colour: 'total', of: sample => drift(sample) / 10 ** power }],
    },
  ]
  const end = (samples.at(-1)?.step ?? 0) * dt || 1
  const x = (time: number) => LEFT + ((RIGHT - LEFT) * time) / end
  const bottom = panels.at(-1)!.bottom
  const times = ticks(0, end, 8).filter(time => time <= end * 1.0001)
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-labelledby="title">
<title id="title">Kinetic, potential and total energy over time, and the drift of the total</title>
<style>${STYLE}</style>
<rect class="page" width="${WIDTH}" height="${HEIGHT}"/>
${panels.map(panel => drawPanel(panel, samples, ({ step }) => x(step * dt), times.map(x))).join('\n')}
${times.map(time => `<text class="quiet" x="${px(x(time))}" y="${bottom + 18}" text-anchor="middle">${label(time)}</text>`).join('\n')}
<text class="quiet" x="${(LEFT + RIGHT) / 2}" y="${bottom + 38}" text-anchor="middle">time, in units of one collision</text>
</svg>
`
}

function drawPanel(
  { title, top, bottom, curves }: Panel,
  samples: readonly Sample[],
  x: (sample: Sample) => number,
  columns: readonly number[],
): string {
  const values = curves.flatMap(({ of }) => samples.map(of))
  const rows = ticks(Math.min(0, ...values), Math.max(0, ...values), 4)
  const [low, high] = [rows[0]!, rows.at(-1)!]
  const y = (value: number) => bottom - ((bottom - top) * (value - low)) / (high - low)
  const line = (at: string, name: string) => `<line class="${name}" ${at}/>`
  const grid = [
    ...columns.map(column =>
      line(`x1="${px(column)}" x2="${px(column)}" y1="${top}" y2="${bottom}"`, 'grid'),
    ),
    ...rows.map(row =>
      line(
        `x1="${LEFT}" x2="${RIGHT}" y1="${px(y(row))}" y2="${px(y(row))}"`,
        row === 0 ? 'zero' : 'grid',
      ),
    ),
    ...rows.map(
      row =>
        `<text class="quiet" x="${LEFT - 8}" y="${px(y(row) + 4)}" text-anchor="end">${label(row)}</text>`,
    ),
  ]
  const ends = apart(curves.map(({ of }) => y(samples.length ? of(samples.at(-1)!) : 0)))
  const drawn = curves.map(({ name, colour, of }, at) => {
    const points = samples.map(sample => `${px(x(sample))},${px(y(of(sample)))}`).join(' ')
    return (
      `<polyline class="${colour}" points="${points}"/>` +
      `<text class="${colour}" x="${RIGHT + 8}" y="${px(ends[at]! + 4)}">${name}</text>`
    )
  })
  const head = `<text class="head" x="${LEFT}" y="${top - 16}">${title}</text>`
  return [head, ...grid, ...drawn].join('\n')
}

/** 1, 2 or 5 times a power of ten apart, from below the lowest to above the highest, in about so many steps. */
function ticks(lowest: number, highest: number, about: number): number[] {
  const range = highest - lowest || 1
  const power = 10 ** Math.floor(Math.log10(range / about))
  const step = [1, 2, 5, 10].map(factor => factor * power).find(step => range / step <= about)!
  const first = Math.floor(lowest / step + 1e-9)
  const last = Math.max(Math.ceil(highest / step - 1e-9), first + 1)
  return Array.from({ length: last - first + 1 }, (_, at) => (first + at) * step)
}

/** Moves heights upwards until no two are closer than a line of text. They come from the lowest on the page. */
function apart(heights: readonly number[]): number[] {
  const moved: number[] = []
  for (const height of heights)
    moved.push(Math.min(height, (moved.at(-1) ?? Infinity) - LINE_HEIGHT))
  return moved
}

const largest = (samples: readonly Sample[], of: (sample: Sample) => number) =>
  samples.reduce((most, sample) => Math.max(most, Math.abs(of(sample))), 0)

const inWords = (power: number) =>
  power === 0 ? 'parts' : `10${[...String(power)].map(digit => SUPERSCRIPT[digit]).join('')}`

const SUPERSCRIPT: Record<string, string> = Object.fromEntries(
  [...'-0123456789'].map((digit, at) => [digit, [...'⁻⁰¹²³⁴⁵⁶⁷⁸⁹'][at]!]),
)

const label = (value: number) => String(Number(value.toPrecision(3))).replace('-', '−')

const px = (value: number) => Number(value.toFixed(1))

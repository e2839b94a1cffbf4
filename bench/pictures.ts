// The charts of a result's page: which cells each one shows, and how they are put into words.
import { cases } from './cases/index.js'
import { type Axis, logarithmic } from './charts/axis.js'
import { barChart, intervalChart } from './charts/bars.js'
import type { Chart } from './charts/drawing.js'
import { isKind } from './charts/kinds.js'
import { type Line, lineChart } from './charts/lines.js'
import type { Kind } from './contender.js'
import { contenders } from './contenders/index.js'
import { bytes, digits, interval, time } from './format.js'
import { type CellResult, curveShares, find, type Results, ratiosOf } from './results.js'

const kLarge = 2 ** 28
const kAllowedMb = 100

export function kindOf(results: Results, contender: string): Kind {
  const kind = results.contenders?.[contender]?.kind ?? contenders[contender]?.kind ?? 'rival'
  return isKind(kind) ? kind : 'rival'
}

const spanOf = (values: readonly number[]): [number, number] => [
  Math.min(...values),
  Math.max(...values),
]

/** Powers of ten, written as times. */
function times(values: readonly number[]): Axis {
  const axis = logarithmic(...spanOf(values))
  return { ...axis, ticks: axis.ticks.map(({ value }) => ({ value, label: time(value) })) }
}

/** Evenly spaced by logarithm, with a tick at each of the values that there are. */
function steps(values: readonly number[], label: (value: number) => string): Axis {
  const ticks = [...new Set(values)].sort((a, b) => a - b)
  const [low, high] = spanOf(ticks)
  const range = Math.log(high / low) || 1
  return {
    place: value => Math.log(value / low) / range,
    ticks: ticks.map(value => ({ value, label: label(value) })),
  }
}

const cellsOf = (results: Results, name: string): CellResult[] =>
  results.cells.filter(cell => cell.case === name)

/** What keeps a contender on chosen cores; it is in the tables, and in the charts of ratios. */
const onCores = /-(one-core|two-cores)$/

/** One line for each contender of some cells, but not for those that have no point or are kept on chosen cores. */
function linesOf(
  results: Results,
  cells: readonly CellResult[],
  pointsOf: (cell: CellResult) => Line['points'],
): Line[] {
  const all = [...new Set(cells.map(({ contender }) => contender))]
  const names = all.filter(name => !all.includes(name.replace(onCores, '')) || !onCores.test(name))
  return names.flatMap(label => {
    const points = cells.filter(({ contender }) => contender === label).flatMap(pointsOf)
    points.sort((a, b) => a.x - b.x)
    return points.length === 0 ? [] : [{ label, kind: kindOf(results, label), points }]
  })
}

const endings = (lines: readonly Line[], say: (y: number) => string): string =>
  lines.map(({ label, points }) => `${label} ${say(points.at(-1)!.y)}`).join(', ')

/** Latency of an echo against its size, with the memcpy line. */
function latencyBySize(results: Results): Chart[] {
  const lines = linesOf(
    results,
    [...cellsOf(results, 'memcpy'), ...cellsOf(results, 'echo')],
    ({ latency, bytes: size, contender }) =>
      latency
        ? [{ x: size, y: latency.p50, note: `${contender}, ${bytes(size)}: ${time(latency.p50)}` }]
        : [],
  )
  const points = lines.flatMap(line => line.points)
  const sizes = points.map(({ x }) => x)
  if (new Set(sizes).size < 2) return []
  return [
    lineChart({
      name: 'latency',
      title: 'An array there and back, by its size',
      description: `Latency of an echo against the bytes of its array, both logarithmic. At the largest size of each: ${endings(lines, time)}.`,
      x: { ...steps(sizes, bytes), title: 'bytes of the array' },
      y: { ...times(points.map(({ y }) => y)), title: 'p50 of a call' },
      lines,
    }),
  ]
}

/** How far the tail is: the latency at each percentile. */
function percentiles(results: Results): Chart[] {
  const shares = curveShares.filter(share => share >= 0.5 && share < 1)
  const nines = (share: number): number => 1 / (1 - share)
  const lines = linesOf(results, cellsOf(results, 'small'), ({ curve, contender }) =>
    shares.flatMap(share => {
      const y = curve?.[curveShares.indexOf(share)]
      const percent = `${Number((100 * share).toFixed(2))} %`
      return y ? [{ x: nines(share), y, note: `${contender}, ${percent}: ${time(y)}` }] : []
    }),
  )
  const points = lines.flatMap(line => line.points)
  if (points.length === 0) return []
  const shown = [0.5, 0.9, 0.99, 0.999, 0.9999].map(nines)
  return [
    lineChart({
      name: 'percentiles',
      title: 'A small call, by percentile',
      description: `Latency that a share of the small calls does not exceed. At 99.99 %: ${endings(lines, time)}.`,
      x: {
        ...steps(shown, value => `${Number((100 * (1 - 1 / value)).toFixed(2))} %`),
        title: 'share of the calls that are at most so slow',
      },
      y: { ...times(points.map(({ y }) => y)), title: 'latency of a call' },
      lines,
    }),
  ]
}

const widthOf = (name: string): number => Number(/^in-flight-(\d+)$/.exec(name)?.[1] ?? NaN)

function throughput(results: Results): Chart[] {
  const cells = results.cells.filter(cell => widthOf(cell.case) > 0)
  const lines = linesOf(results, cells, ({ case: name, contender, figures }) => {
    const y = figures?.callsPerSecond
    const note = `${contender}, ${widthOf(name)} in flight: ${digits(Math.round(y ?? 0))}/s`
    return y ? [{ x: widthOf(name), y, note }] : []
  })
  const points = lines.flatMap(line => line.points)
  const widths = points.map(({ x }) => x)
  if (new Set(widths).size < 2) return []
  const y = logarithmic(...spanOf(points.map(({ y }) => y)))
  return [
    lineChart({
      name: 'throughput',
      title: 'Small calls a second, by how many are in flight',
      description: `Calls a second against the number of calls in flight. With the most of each in flight: ${endings(lines, value => `${digits(Math.round(value))}/s`)}.`,
      x: { ...steps(widths, String), title: 'calls in flight' },
      y: {
        ...y,
        ticks: y.ticks.map(({ value, label }) => ({
          value,
          label: value >= 1e6 ? `${value / 1e6} M` : label,
        })),
        title: 'calls a second',
      },
      lines,
    }),
  ]
}

function memory(results: Results): Chart[] {
  const rows = cellsOf(results, 'memory').flatMap(({ contender, figures }) => {
    const value = figures?.peakMb
    if (value === undefined) return []
    const text = `${digits(Math.round(value))} MB`
    return [{ label: contender, kind: kindOf(results, contender), value, text }]
  })
  if (rows.length === 0) return []
  rows.sort((a, b) => a.value - b.value)
  const arrayMb = kLarge / 2 ** 20
  return [
    barChart({
      name: 'memory',
      title: 'Memory while an array of 256 MB goes there and back',
      description: `The most that all processes of a contender had together: ${rows.map(({ label, text }) => `${label} ${text}`).join(', ')}.`,
      rows,
      axisTitle: 'MB of all processes: shared pages count once',
      references: [
        { value: arrayMb + kAllowedMb, label: `the array and ${kAllowedMb} MB` },
        { value: arrayMb, label: 'the array' },
      ],
    }),
  ]
}

/** How many times as long as Isthmus, with intervals. */
function ratios(results: Results, name: string, size: number): Chart[] {
  const base = find(results, name, 'isthmus', size)
  const rows = results.cells
    .filter(cell => cell.case === name && cell.bytes === size && cell !== base)
    .flatMap(cell => {
      const [ratio] = ratiosOf(results, cell).values()
      if (!ratio) return []
      const { value, low, high } = ratio
      const kind = kindOf(results, cell.contender)
      return [{ label: cell.contender, kind, value, low, high, text: interval(ratio) }]
    })
  if (rows.length === 0) return []
  rows.sort((a, b) => a.value - b.value)
  const what = `${cases[name]?.title ?? name}${size > 0 ? `, ${bytes(size)}` : ''}`
  return [
    intervalChart({
      name: `ratio-${name}-${size}`,
      title: `Isthmus = 1: ${what}`,
      description: `Ratios to Isthmus with intervals of 95 %: ${rows.map(({ label, text }) => `${label} ${text}`).join(', ')}.`,
      rows,
      axisTitle: 'times as slow as Isthmus, logarithmic',
      references: [{ value: 1, label: 'isthmus' }],
    }),
  ]
}

/** All charts for which a result has the cells. */
export const picturesOf = (results: Results): Chart[] => [
  ...ratios(results, 'small', 0),
  ...ratios(results, 'echo', 2 ** 20),
  ...ratios(results, 'echo', kLarge),
  ...latencyBySize(results),
  ...percentiles(results),
  ...throughput(results),
  ...memory(results),
]

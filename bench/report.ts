// The result on a terminal: one table per case, then the checks.
import { cases } from './cases/index.js'
import { checksOf } from './checks.js'
import { figures as knownFigures } from './figures.js'
import { bytes, digits, interval, time } from './format.js'
import { baseOf, type CellResult, type Results, ratiosOf, titleOf } from './results.js'

type Row = readonly string[]

/** Columns padded to their widest entry; the first one to the left, the others to the right. */
export function table(rows: readonly Row[]): string {
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((text, i) => Math.max(widest[i] ?? 0, text.length)),
    [],
  )
  return rows
    .map(row =>
      row.map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0))),
    )
    .map(row => `  ${row.join('   ')}`.trimEnd())
    .join('\n')
}

export const percentiles = [
  ['p50', 'p50'],
  ['p90', 'p90'],
  ['p99', 'p99'],
  ['p999', 'p99.9'],
  ['max', 'max'],
] as const

/** How a cell compares with Isthmus by what counts most: `1` for Isthmus itself. */
export function ratioText(results: Results, cell: CellResult): string {
  if (baseOf(results, cell) === cell) return '1'
  const [ratio] = ratiosOf(results, cell).values()
  return ratio ? interval(ratio) : '–'
}

/** Reasons for gaps, numbered below a table: a reason in a column would make the column that wide. */
class Notes {
  readonly #reasons: string[] = []

  /** The mark that stands in the table. */
  mark(reason = 'not measured'): string {
    const line = reason.split('\n')[0] ?? ''
    if (!this.#reasons.includes(line)) this.#reasons.push(line)
    return `[${this.#reasons.indexOf(line) + 1}]`
  }

  below(rows: readonly Row[]): string {
    return [table(rows), ...this.#reasons.map((reason, i) => `  [${i + 1}] ${reason}`)].join('\n')
  }
}

/** A case of one size: percentiles, figures, and how it compares with Isthmus. */
function oneSize(results: Results, cells: readonly CellResult[]): string {
  const named = Object.keys(knownFigures).filter(name =>
    cells.some(cell => cell.figures?.[name] !== undefined),
  )
  const shown = cells.some(cell => cell.latency) ? percentiles : []
  const compared = cells.some(cell => ratiosOf(results, cell).size > 0)
  const notes = new Notes()
  const rows = cells.map((cell): Row => {
    const { contender, latency, figures, skipped } = cell
    if (!latency && !figures) return [titleOf(results, contender), notes.mark(skipped)]
    return [
      titleOf(results, contender),
      ...shown.map(([name]) => time(latency?.[name] ?? NaN)),
      ...named.map(name =>
        figures?.[name] === undefined ? '–' : (knownFigures[name]?.show(figures[name]) ?? ''),
      ),
      ...(compared ? [ratioText(results, cell)] : []),
    ]
  })
  const head = [
    '',
    ...shown.map(([, title]) => title),
    ...named.map(name => knownFigures[name]?.title ?? ''),
    ...(compared ? ['isthmus = 1'] : []),
  ]
  return notes.below([head, ...rows])
}

/** How quantities went, at the start and at each tenth. */
function seriesTable({ series = {} }: CellResult): string {
  const rows = Object.entries(series).map(([name, values]): Row => {
    const at = Array.from(
      { length: 11 },
      (_, i) => values[Math.round((i / 10) * (values.length - 1))],
    )
    return [name, ...at.map(value => digits(Math.round(value ?? NaN)))]
  })
  return table([['over time', ...Array.from({ length: 11 }, (_, i) => `${i * 10} %`)], ...rows])
}

/** A case of many sizes: p50 and ratio by size, the reasons for gaps below. */
function manySizes(results: Results, cells: readonly CellResult[]): string {
  const sizes = [...new Set(cells.map(cell => cell.bytes))].sort((a, b) => a - b)
  const names = [...new Set(cells.map(cell => cell.contender))]
  const notes = new Notes()
  const rowsOf = (entry: (cell: CellResult) => string): Row[] =>
    names.map(name => [
      titleOf(results, name),
      ...sizes.map(size => {
        const cell = cells.find(one => one.contender === name && one.bytes === size)
        return cell ? entry(cell) : ''
      }),
    ])
  const times = rowsOf(cell => (cell.latency ? time(cell.latency.p50) : notes.mark(cell.skipped)))
  const parts = [notes.below([['p50', ...sizes.map(bytes)], ...times])]
  if (cells.some(cell => ratiosOf(results, cell).size > 0)) {
    const ratios = rowsOf(cell => ratioText(results, cell))
    parts.push(table([['isthmus = 1', ...sizes.map(bytes)], ...ratios]))
  }
  return parts.join('\n\n')
}

/** What this run says about the promises, and how many of them it did not measure. */
function checkTable(results: Results): string {
  const all = checksOf(results)
  const rows = all
    .filter(({ seen }) => seen !== undefined)
    .map(({ claim, target, seen, met }) => [claim, target, seen ?? '', met ? 'met' : 'NOT MET'])
  const missing = all.length - rows.length
  const rest = missing > 0 ? `\n  and ${missing} that this run did not measure` : ''
  return table([['What it must show', 'target', 'seen', ''], ...rows]) + rest
}

export function machineLine({ machine, profile, spin, date, incomplete }: Results): string {
  const { cpu, cpus, kernel, node, python, packages, commit } = machine
  const versions = `Node ${node}, Python ${python}, numpy ${packages.numpy ?? '?'}`
  return `${cpu}, ${cpus} CPUs, Linux ${kernel}, ${versions}, commit ${commit}, spin ${spin}, ${profile} run of ${date.slice(0, 10)}${incomplete === undefined ? '' : `, INCOMPLETE: ${incomplete}`}`
}

export function report(results: Results): string {
  const tables = Object.entries(cases).flatMap(([name, { title }]) => {
    const cells = results.cells.filter(cell => cell.case === name)
    if (cells.length === 0) return []
    const many = new Set(cells.map(cell => cell.bytes)).size > 1
    const series = cells.filter(cell => cell.series).map(cell => `\n${seriesTable(cell)}`)
    return [
      `${title}\n${many ? manySizes(results, cells) : oneSize(results, cells)}${series.join('')}`,
    ]
  })
  return [machineLine(results), ...tables, checkTable(results)].join('\n\n')
}

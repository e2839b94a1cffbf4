// The result on a terminal: one table per case, then the checks.
import { cases } from './cases/index.js'
import { checksOf } from './checks.js'
import { contenders } from './contenders/index.js'
import { figures as knownFigures } from './figures.js'
import { bytes, digits, time, times } from './format.js'
import type { CellResult, Results } from './results.js'

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

const titleOf = (contender: string): string => contenders[contender]?.title ?? contender

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
function oneSize(cells: readonly CellResult[]): string {
  const isthmus = cells.find(cell => cell.contender === 'isthmus')
  const named = Object.keys(knownFigures).filter(name =>
    cells.some(cell => cell.figures?.[name] !== undefined),
  )
  const timed = cells.some(cell => cell.latency)
  const ratio = (cell: CellResult): string => {
    if (isthmus?.latency && cell.latency) return times(cell.latency.p50 / isthmus.latency.p50)
    const [own, other] = [isthmus?.figures?.callsPerSecond, cell.figures?.callsPerSecond]
    return own !== undefined && other !== undefined ? times(own / other) : '–'
  }
  const notes = new Notes()
  const rows = cells.map((cell): Row => {
    const { latency, figures } = cell
    if (!latency && !figures) return [titleOf(cell.contender), notes.mark(cell.skipped)]
    return [
      titleOf(cell.contender),
      ...(timed
        ? ['p50', 'p90', 'p99', 'max'].map(name => time(latency?.[name as 'p50'] ?? NaN))
        : []),
      ...named.map(name =>
        figures?.[name] === undefined ? '–' : (knownFigures[name]?.show(figures[name]) ?? ''),
      ),
      ratio(cell),
    ]
  })
  const head = [
    '',
    ...(timed ? ['p50', 'p90', 'p99', 'max'] : []),
    ...named.map(name => knownFigures[name]?.title ?? ''),
  ]
  return notes.below([[...head, 'isthmus = 1'], ...rows])
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

/** A case of many sizes: p50 by size, the reasons for gaps below. */
function manySizes(cells: readonly CellResult[]): string {
  const sizes = [...new Set(cells.map(cell => cell.bytes))].sort((a, b) => a - b)
  const names = [...new Set(cells.map(cell => cell.contender))]
  const notes = new Notes()
  const rows = names.map((name): Row => {
    const entries = sizes.map(size => {
      const cell = cells.find(one => one.contender === name && one.bytes === size)
      if (cell?.latency) return time(cell.latency.p50)
      return notes.mark(cell?.skipped)
    })
    return [titleOf(name), ...entries]
  })
  return notes.below([['p50', ...sizes.map(bytes)], ...rows])
}

function checkTable(results: Results): string {
  const verdict = (met: boolean | undefined): string =>
    met === undefined ? '–' : met ? 'met' : 'NOT MET'
  const rows = checksOf(results).map(({ claim, target, seen, met }) => [
    claim,
    target,
    seen ?? 'not measured',
    verdict(met),
  ])
  return table([['What it must show', 'target', 'seen', ''], ...rows])
}

export function machineLine({ machine, profile, spin, date }: Results): string {
  const { cpu, cpus, kernel, node, python, packages, commit } = machine
  const versions = `Node ${node}, Python ${python}, numpy ${packages.numpy ?? '?'}`
  return `${cpu}, ${cpus} CPUs, Linux ${kernel}, ${versions}, commit ${commit}, spin ${spin}, ${profile} run of ${date.slice(0, 10)}`
}

export function report(results: Results): string {
  const tables = Object.entries(cases).flatMap(([name, { title }]) => {
    const cells = results.cells.filter(cell => cell.case === name)
    if (cells.length === 0) return []
    const many = new Set(cells.map(cell => cell.bytes)).size > 1
    const series = cells.filter(cell => cell.series).map(cell => `\n${seriesTable(cell)}`)
    return [`${title}\n${many ? manySizes(cells) : oneSize(cells)}${series.join('')}`]
  })
  return [machineLine(results), ...tables, checkTable(results)].join('\n\n')
}

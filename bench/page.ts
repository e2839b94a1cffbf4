// A result as a page of its own: charts, tables, circumstances. It needs no network and no script.
// Usage: page.js [RESULT.json [PAGE.html]], or --check; without files, docs/benchmarks.html from the committed run
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cases } from './cases/index.js'
import { drawn } from './charts/drawing.js'
import { kindRules } from './charts/kinds.js'
import { escaped } from './charts/page.js'
import { checksOf } from './checks.js'
import { figures as knownFigures } from './figures.js'
import { bytes, duration, time } from './format.js'
import { root, source } from './paths.js'
import { picturesOf } from './pictures.js'
import { machineLine, percentiles, ratioText } from './report.js'
import { type CellResult, type Results, ratiosOf, readResults, titleOf } from './results.js'

const rules = `
:root { color-scheme: light dark; --page: #ffffff; --text: #1f2328; --quiet: #57606a; --rule: #d8dee4; --head: #f6f8fa; --bad: #b3261e }
@media (prefers-color-scheme: dark) {
  :root { --page: #0d1117; --text: #e6edf3; --quiet: #9198a1; --rule: #30363d; --head: #161b22; --bad: #ff8f85 }
}
body { margin: 0 auto; max-width: 960px; padding: 24px 20px 64px; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif }
h1 { font-size: 26px; margin: 8px 0 } h2 { font-size: 20px; margin: 44px 0 12px }
p, li { max-width: 72ch } .warning { color: var(--bad); font-weight: 600 }
code { font: 0.9em ui-monospace, "Liberation Mono", monospace }
figure { margin: 20px 0 36px } figcaption { font-weight: 600; margin-bottom: 10px }
svg { display: block; width: 100%; height: auto } svg.narrow { display: none }
@media (max-width: 600px) { svg.wide { display: none } svg.narrow { display: block } body { padding: 16px 12px 48px } }
svg text { font: 12px system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; fill: var(--text) }
svg text.label { font-size: 11.5px } svg text.quiet, svg .quiet { fill: var(--quiet); font-size: 11px }
svg text.end { text-anchor: end } svg text.middle { text-anchor: middle }
.grid { stroke: var(--rule) } .tick { stroke: var(--quiet) } .reference { stroke: var(--quiet); stroke-dasharray: 3 3 }
.scroll { overflow-x: auto; margin: 8px 0 28px }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums }
caption { text-align: left; font-weight: 600; padding: 4px 0; white-space: nowrap }
th, td { padding: 4px 10px; border-bottom: 1px solid var(--rule); text-align: right; white-space: nowrap; vertical-align: top }
th:first-child, td:first-child, .texts td { text-align: left } .texts td { white-space: normal }
thead th { background: var(--head) } tbody th { font-weight: 400 } tr.ours th { font-weight: 700 }
.reason { text-align: left; white-space: normal; color: var(--quiet); max-width: 40ch }
.missed { color: var(--bad); font-weight: 600 }
${kindRules}
/* Rules of marks come last: a text in the colour of its kind. */
${['ours', 'rival', 'embedding', 'threads', 'floor'].map(kind => `svg text.of-${kind} { fill: var(--${kind}) }`).join('\n')}
`

interface Row {
  readonly cells: readonly string[]
  readonly ours?: boolean
  /** Why there is nothing else in the row. */
  readonly reason?: string
}

function table(caption: string, head: readonly string[], rows: readonly Row[], style = ''): string {
  const th = head.map(text => `<th scope="col">${escaped(text)}</th>`).join('')
  const body = rows.map(({ cells: [first = '', ...rest], ours, reason }) => {
    const tds =
      reason === undefined
        ? rest.map(text => `<td>${escaped(text)}</td>`).join('')
        : `<td class="reason" colspan="${head.length - 1}">${escaped(reason)}</td>`
    return `<tr${ours ? ' class="ours"' : ''}><th scope="row">${escaped(first)}</th>${tds}</tr>`
  })
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escaped(caption).replaceAll('"', '&quot;')}"><table${style}>
<caption>${escaped(caption)}</caption>
<thead><tr>${th}</tr></thead>
<tbody>
${body.join('\n')}
</tbody>
</table></div>`
}

/** Percentiles, figures and ratio of every contender of one case and size. */
function cellTable(results: Results, caption: string, cells: readonly CellResult[]): string {
  const named = Object.keys(knownFigures).filter(name =>
    cells.some(cell => cell.figures?.[name] !== undefined),
  )
  const shown = cells.some(cell => cell.latency) ? percentiles : []
  const compared = cells.some(cell => ratiosOf(results, cell).size > 0)
  const head = [
    'contender',
    ...(compared ? ['isthmus = 1'] : []),
    ...shown.map(([, title]) => title),
    ...named.map(name => knownFigures[name]!.title),
  ]
  if (head.length === 1) head.push('')
  const rows = cells.map(cell => {
    const { contender, latency, figures, skipped } = cell
    const title = titleOf(results, contender)
    const ours = contender.startsWith('isthmus')
    if (!latency && !figures) return { cells: [title], ours, reason: firstLine(skipped) }
    return {
      ours,
      cells: [
        title,
        ...(compared ? [ratioText(results, cell)] : []),
        ...shown.map(([name]) => time(latency?.[name] ?? NaN)),
        ...named.map(name => {
          const value = figures?.[name]
          return value === undefined ? '–' : knownFigures[name]!.show(value)
        }),
      ],
    }
  })
  return table(caption, head, rows)
}

const firstLine = (text = 'not measured'): string => text.split('\n')[0] ?? ''

function caseTables(results: Results): string[] {
  return Object.entries(cases).flatMap(([name, { title }]) => {
    const cells = results.cells.filter(cell => cell.case === name)
    const sizes = [...new Set(cells.map(cell => cell.bytes))].sort((a, b) => a - b)
    return sizes.map(size =>
      cellTable(
        results,
        `${title}${sizes.length > 1 ? `: ${bytes(size)}` : ''}`,
        cells.filter(cell => cell.bytes === size),
      ),
    )
  })
}

function checkTable(results: Results): string[] {
  const seen = checksOf(results).filter(check => check.seen !== undefined)
  if (seen.length === 0) return []
  const rows = seen.map(({ claim, target, seen, met }) => ({
    cells: [claim, target, seen ?? '', met ? 'met' : 'NOT MET'],
  }))
  const text = table('What the project promises', ['', 'target', 'seen', ''], rows)
  return [
    '<h2>What it must show</h2>',
    text.replaceAll('<td>NOT MET', '<td class="missed">NOT MET'),
  ]
}

/** Who did not take part at all, and why. */
function absentTable(results: Results): string[] {
  const names = [...new Set(results.cells.map(({ contender }) => contender))]
  const rows = names.flatMap(name => {
    const own = results.cells.filter(({ contender }) => contender === name)
    if (own.some(({ latency, figures }) => latency ?? figures)) return []
    return [{ cells: [titleOf(results, name), firstLine(own[0]?.skipped)] }]
  })
  if (rows.length === 0) return []
  return [table('Contenders that did not run', ['contender', 'reason'], rows, ' class="texts"')]
}

function circumstances({ machine, spin, seconds, profile, secondsPerRound }: Results): string {
  const versions = (packages: Readonly<Record<string, string>> = {}): string =>
    Object.entries(packages)
      .filter(([, version]) => version !== 'missing')
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')
  const facts: readonly (readonly [string, string])[] = [
    ['processor', `${machine.cpu}, CPUs ${machine.cores?.join(', ') ?? machine.cpus}`],
    ['memory', `${machine.memoryGb} GB; huge pages ${machine.hugePages}`],
    ['kernel', machine.kernel],
    [
      'load',
      [machine.loadBefore, machine.loadAfter].map(load => load?.toFixed(2)).join(' before, '),
    ],
    ['spin', typeof spin === 'number' ? `${spin} µs` : spin],
    [
      'profile',
      `${profile}, ${secondsPerRound ?? '?'} s a round; ${duration(seconds * 1000)} in all`,
    ],
    ['Node, Python', `${machine.node}, ${machine.python}`],
    ['npm', versions(machine.npm)],
    ['PyPI', versions(machine.packages)],
    ['commit', machine.commit],
  ]
  const rows = facts.map(([name, text]) => ({ cells: [name, text] }))
  return table('Machine and versions', ['', ''], rows, ' class="texts"')
}

function warnings({ incomplete, profile }: Results): string {
  const texts = [
    incomplete && `This run is incomplete: ${incomplete}.`,
    profile === 'quick' && 'One short round, to see that everything runs: ratios have no interval.',
  ]
  return texts.map(text => (text ? `<p class="warning">${escaped(text)}</p>\n` : '')).join('')
}

export function pageOf(results: Results): string {
  const pictures = picturesOf(results).map(
    chart => `<figure>
<figcaption>${escaped(chart.title)}</figcaption>
${drawn(chart)}
</figure>`,
  )
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>What crossing costs: Isthmus</title>
<style>${rules}</style>
</head>
<body>
<h1>What crossing costs</h1>
<p>${escaped(machineLine(results))}.</p>
${warnings(results)}<p>Compare ratios of one run. Do not compare times of two machines, or of two days. A ratio is the geometric mean of the rounds, each
of which measured all contenders one after another in fresh processes; its interval holds with 95 %. Above 1, Isthmus is ahead.
What each number is and is not: <code>bench/README.md</code>.</p>
${pictures.join('\n')}
<h2>All cases</h2>
${caseTables(results).join('\n')}
${checkTable(results).join('\n')}
<h2>How it was measured</h2>
${[...absentTable(results), circumstances(results)].join('\n')}
</body>
</html>
`
}

/** The page of the committed run. */
const committed = join(root, 'docs', 'benchmarks.html')

export function writePage(results: Results, file: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, pageOf(results))
}

/** 1 when the page of the committed run is not what its result says. */
function check(): number {
  const page = pageOf(readResults(source('results', 'reference.json')))
  if (existsSync(committed) && readFileSync(committed, 'utf8') === page) return 0
  console.error(`${committed} does not show bench/results/reference.json; run: npm run bench:page`)
  return 1
}

function main([given, output]: readonly string[]): number {
  if (given === '--check') return check()
  const file = output ?? given?.replace(/(\.json)?$/, '.html') ?? committed
  writePage(readResults(given ?? source('results', 'reference.json')), file)
  console.log(`Written to ${file}.`)
  return 0
}

if (process.argv[1]?.endsWith('bench/page.js')) process.exitCode = main(process.argv.slice(2))

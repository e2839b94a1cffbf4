// Writes the table of the README from the committed result file, or checks that it is up to date.
// Usage: readme.js [--check]
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { digits, interval, time } from './format.js'
import { root, source } from './paths.js'
import { machineLine } from './report.js'
import { type CellResult, find, type Results, ratiosOf, readResults, titleOf } from './results.js'

const kBegin = '<!-- bench:begin (written by npm run bench:readme) -->'
const kEnd = '<!-- bench:end -->'
/** Those that a run did not have are left out. */
const kRows = [
  'isthmus',
  'isthmus-heap',
  'node-calls-python',
  'shm-file',
  'raw-socket',
  'msgpack-socket',
  'msgpack-socket-two-cores',
  'msgpack-socket-one-core',
  'zeromq',
  'json-stdio',
  'grpc',
  'http-fastapi',
]

interface Column {
  readonly title: string
  readonly case: string
  readonly bytes: number
  readonly show: (cell: CellResult) => string
}

const p50 = ({ latency }: CellResult): string => time(latency?.p50 ?? NaN)
const perSecond = ({ figures }: CellResult): string => `${digits(figures?.callsPerSecond ?? NaN)}/s`

const columns: readonly Column[] = [
  { title: 'small call', case: 'small', bytes: 0, show: p50 },
  { title: '64 in flight', case: 'in-flight-64', bytes: 0, show: perSecond },
  { title: 'echo 1 MB', case: 'echo', bytes: 2 ** 20, show: p50 },
  { title: 'echo 256 MB', case: 'echo', bytes: 2 ** 28, show: p50 },
]

/** The ratio with its interval, and what was measured. */
function entry(results: Results, column: Column, contender: string): string {
  const cell = find(results, column.case, contender, column.bytes)
  if (!cell) return ''
  if (!cell.latency && !cell.figures) return '–'
  const [ratio] = ratiosOf(results, cell).values()
  return ratio ? `**${interval(ratio)}**<br>${column.show(cell)}` : column.show(cell)
}

export function readmeTable(results: Results): string {
  const rows = kRows
    .map(name => [titleOf(results, name), ...columns.map(column => entry(results, column, name))])
    .filter(([, ...entries]) => entries.some(Boolean))
  const lines = [
    ['p50; isthmus = 1', ...columns.map(({ title }) => title)],
    ['---', ...columns.map(() => '---:')],
    ...rows,
  ]
  return [
    ...lines.map(cells => `| ${cells.join(' | ')} |`),
    '',
    `Ratios with their interval of 95 %. ${machineLine(results)}. To reproduce: \`npm run bench\`, or \`npx isthmus bench\`. What each number is and is not: [bench/README.md](bench/README.md).`,
  ].join('\n')
}

/** The README with the table between its markers. */
export function withTable(readme: string, results: Results): string {
  const begin = readme.indexOf(kBegin)
  const end = readme.indexOf(kEnd)
  if (begin < 0 || end < begin) throw new Error(`README.md lacks the markers ${kBegin} and ${kEnd}`)
  return `${readme.slice(0, begin + kBegin.length)}\n\n${readmeTable(results)}\n\n${readme.slice(end)}`
}

function main(check: boolean): number {
  const file = join(root, 'README.md')
  const readme = readFileSync(file, 'utf8')
  const updated = withTable(readme, readResults(source('results', 'reference.json')))
  if (updated === readme) return 0
  if (!check) writeFileSync(file, updated)
  else
    console.error('README.md does not show bench/results/reference.json; run: npm run bench:readme')
  return check ? 1 : 0
}

if (process.argv[1]?.endsWith('readme.js'))
  process.exitCode = main(process.argv.includes('--check'))

// Writes the table of the README from the committed result file, or checks that it is up to date.
// Usage: readme.js [--check]
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { contenders } from './contenders/index.js'
import { digits, time, times } from './format.js'
import { root, source } from './paths.js'
import { machineLine } from './report.js'
import { find, type Results, readResults } from './results.js'

const kBegin = '<!-- bench:begin (written by npm run bench:readme) -->'
const kEnd = '<!-- bench:end -->'
const kRows = [
  'isthmus',
  'isthmus-heap',
  'msgpack-socket',
  'msgpack-socket-two-cores',
  'msgpack-socket-one-core',
  'json-stdio',
  'http-fastapi',
]

interface Column {
  readonly title: string
  readonly value: (results: Results, contender: string) => number | undefined
  readonly show: (value: number) => string
  /** More is better: the ratio is turned round. */
  readonly more?: true
}

const latency = (name: string, bytes: number): Column['value'] => {
  return (results, contender) => find(results, name, contender, bytes)?.latency?.p50
}

const columns: readonly Column[] = [
  { title: 'small call', value: latency('small', 0), show: time },
  {
    title: '64 in flight',
    value: (results, contender) =>
      find(results, 'in-flight-64', contender)?.figures?.callsPerSecond,
    show: value => `${digits(value)}/s`,
    more: true,
  },
  { title: 'echo 4 KB', value: latency('echo', 2 ** 12), show: time },
  { title: 'echo 1 MB', value: latency('echo', 2 ** 20), show: time },
  { title: 'echo 256 MB', value: latency('echo', 2 ** 28), show: time },
]

function entry(results: Results, { value, show, more }: Column, contender: string): string {
  const own = value(results, 'isthmus')
  const seen = value(results, contender)
  if (seen === undefined) return '–'
  if (own === undefined) return show(seen)
  return `**${times(more ? own / seen : seen / own)}** ${show(seen)}`
}

export function readmeTable(results: Results): string {
  const rows = kRows.map(name => [
    contenders[name]?.title ?? name,
    ...columns.map(column => entry(results, column, name)),
  ])
  const lines = [
    ['p50; isthmus = 1', ...columns.map(({ title }) => title)],
    columns.map(() => '---:'),
    ...rows,
  ]
  lines[1]?.unshift('---')
  return [
    ...lines.map(cells => `| ${cells.join(' | ')} |`),
    '',
    `${machineLine(results)}. To reproduce: \`npm run bench\`. What each number is and is not: [bench/README.md](bench/README.md).`,
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

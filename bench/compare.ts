// npm run bench:compare A.json B.json: do two runs agree within the intervals that they state?
//
// Two ratios rA × exp(± wA) and rB × exp(± wB) agree when |ln rA − ln rB| ≤ √(wA² + wB²): the difference of two
// independent estimates has the sum of their variances, so that is its interval at the same 95 %. To ask that each
// lies in the other's interval would be too strict (of two perfect runs, one in six would fail); that the intervals
// overlap, too lax.
import { interval } from './format.js'
import { nameOf } from './progress.js'
import { machineLine, table } from './report.js'
import { type CellResult, find, type Results, ratiosOf, readResults } from './results.js'
import { agree, type Ratio } from './statistics.js'

const kWanted = 0.9

export interface Compared {
  readonly cell: CellResult
  readonly measure: string
  readonly a: Ratio
  readonly b: Ratio
  readonly agrees: boolean
}

/** The first ratio of each cell that both runs have with an interval. */
export function compare(a: Results, b: Results): Compared[] {
  return a.cells.flatMap(cell => {
    const other = find(b, cell.case, cell.contender, cell.bytes)
    const [first] = ratiosOf(a, cell)
    if (!other || !first) return []
    const [measure, ours] = first
    const theirs = ratiosOf(b, other).get(measure)
    const agrees = theirs && agree(ours, theirs)
    return theirs && agrees !== undefined ? [{ cell, measure, a: ours, b: theirs, agrees }] : []
  })
}

export function comparison(
  a: Results,
  b: Results,
): { readonly text: string; readonly share: number } {
  const all = compare(a, b)
  const apart = all.filter(({ agrees }) => !agrees)
  const agreed = all.length - apart.length
  const share = agreed / all.length
  const percent = `${(100 * share).toFixed(1)} %`
  const rows = apart.map(({ cell, measure, a, b }) => [
    nameOf(cell),
    measure,
    interval(a),
    interval(b),
  ])
  const text = [
    `A  ${machineLine(a)}`,
    `B  ${machineLine(b)}`,
    '',
    all.length === 0
      ? 'No cell has a ratio with an interval in both runs.'
      : `${agreed} of ${all.length} cells agree within their intervals: ${percent} (wanted: ${100 * kWanted} % or more).`,
    ...(apart.length > 0
      ? ['', table([['cells that do not agree', 'by', 'A', 'B'], ...rows])]
      : []),
  ].join('\n')
  return { text, share }
}

function main(files: readonly string[]): number {
  const [a, b, ...rest] = files
  if (a === undefined || b === undefined || rest.length > 0) {
    console.error('Usage: npm run bench:compare -- A.json B.json')
    return 2
  }
  const { text, share } = comparison(readResults(a), readResults(b))
  console.log(text)
  return share >= kWanted ? 0 : 1
}

if (process.argv[1]?.endsWith('bench/compare.js')) process.exitCode = main(process.argv.slice(2))

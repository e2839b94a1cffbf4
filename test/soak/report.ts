// What a run has shown, in words and a table.
import type { Options } from './options.js'
import type { Outcome } from './run.js'
import type { Verdict } from './trend.js'

const thousands = (value: number) => Math.round(value).toLocaleString('en-US')
const ms = (value: number) => `${value.toFixed(value < 1 ? 3 : 1)} ms`

export interface Report {
  /** Kinds of acts that ended well, and series that do not rise. */
  readonly passed: number
  /** Results that were wrong, things that were left, series that rise. */
  readonly failed: number
  readonly text: string
}

export function report(outcome: Outcome, { trend, seed }: Options): Report {
  const { verdicts, latency, done, lost, samples, seconds } = outcome
  const last = samples.at(-1)!
  const rising = trend ? verdicts.filter(({ rises }) => rises) : []
  const checked = Object.values(done).reduce((sum, count) => sum + count, 0)
  const never = Object.keys(done).filter(name => done[name] === 0)
  const lines = [
    `seed ${seed}, ${thousands(seconds)} s: ${thousands(checked)} acts with right results, ${outcome.wrong} wrong`,
    `arrays: ${thousands(last.megabytes! / 1024)} GB checked, ${thousands(last.kills!)} workers killed and ${thousands(last.restarts!)} restarted, ${lost} acts lost with them, ${last.visits} bridges opened and closed`,
    `a small call: p50 ${ms(latency.p50)}, p99 ${ms(latency.p99)}, p99.9 ${ms(latency.p999)}, max ${ms(latency.max)} of ${thousands(latency.count)}`,
    ...(never.length > 0 ? [`not done: ${never.join(', ')}`] : []),
    '',
    ...(trend ? table(verdicts) : []),
    ...(rising.length > 0 ? ['', ...rising.map(each => `rises: ${each.name}`)] : []),
    ...(outcome.failures.length > 0 ? ['', ...outcome.failures.map(each => `wrong: ${each}`)] : []),
  ]
  const kinds = Object.keys(done).length - never.length
  return {
    passed: kinds + (trend ? verdicts.length - rising.length : 0),
    failed: outcome.wrong + rising.length,
    text: lines.join('\n'),
  }
}

function table(verdicts: readonly Verdict[]): string[] {
  if (verdicts.length === 0) return ['too short for slopes']
  const head = ['', 'median', 'an hour', 'with 99.9 % between', 'rises']
  const rows = verdicts.map(({ name, unit, typical, slope, low, high, rises }) => [
    name,
    `${typical.toFixed(0)} ${unit}`,
    signed(slope),
    `${signed(low)} and ${signed(high)}`,
    rises ? 'YES' : 'no',
  ])
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map(row => row[at]!.length)))
  return [head, ...rows].map(row =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
      .join('  '),
  )
}

const signed = (value: number) =>
  `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(Math.abs(value) < 10 ? 1 : 0)}`

// Runs cells round by round, each in a fresh Node process, and merges the rounds.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Cell, MeasuredJson, Series } from './cases/case.js'
import { cases } from './cases/index.js'
import { traceStart } from './cases/results.js'
import { WrongValueError } from './contender.js'
import { contenders } from './contenders/index.js'
import { placed } from './cores.js'
import { Histogram } from './histogram.js'
import { impossible, type Profile } from './plan.js'

type ChildAnswer =
  | { readonly kind: 'measured'; readonly measured: MeasuredJson }
  | { readonly kind: 'unavailable' | 'failed' | 'wrong'; readonly reason: string }

const kLimitMs = 180_000
const childFile = fileURLToPath(new URL('./child.js', import.meta.url))

/** Everything found out about one cell. */
export class CellRecord {
  readonly histogram = new Histogram()
  readonly roundP50s: number[] = []
  readonly figures: Record<string, number[]> = {}
  series: Series | undefined
  /** Why there is no number, or none from some rounds. */
  skipped: string | undefined
  lastMs: number | undefined

  constructor(readonly cell: Cell) {}

  add(measured: MeasuredJson): void {
    if (measured.histogram) {
      const round = new Histogram()
      round.merge(measured.histogram)
      this.roundP50s.push(round.percentile(0.5))
      this.histogram.merge(measured.histogram)
    }
    this.series = measured.series
    for (const [name, value] of Object.entries(measured.figures ?? {})) {
      this.figures[name] = [...(this.figures[name] ?? []), value]
    }
  }
}

/** Mark-compact collections in the output of --trace-gc after the case says that it begins. */
export function countMarkCompacts(output: string): number {
  const measured = output.slice(Math.max(0, output.indexOf(traceStart)))
  return measured.match(/Mark-Compact/g)?.length ?? 0
}

async function runChild(
  cell: Cell,
  profile: Profile,
  spin: number | undefined,
): Promise<ChildAnswer> {
  const flags = cases[cell.case]?.nodeFlags ?? []
  const args = [
    ...flags,
    childFile,
    cell.case,
    cell.contender,
    String(cell.bytes),
    String(profile.seconds),
  ]
  if (spin !== undefined) args.push(String(spin))
  const { command, env } = placed([process.execPath, ...args], contenders[cell.contender]?.cores)
  const child = spawn(command[0] ?? '', command.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
  })
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr
    .setEncoding('utf8')
    .on('data', (text: string) => (errors = (errors + text).slice(-2000)))
  const ended = await new Promise<string>(resolve => {
    const limitMs = cases[cell.case]?.limitMs ?? kLimitMs
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      resolve(`no result after ${limitMs / 1000} s`)
    }, limitMs)
    const end = (reason: string): void => {
      clearTimeout(timer)
      resolve(reason)
    }
    child.once('error', error => end(error.message))
    child.once('close', (code, signal) => end(`ended with ${signal ?? `code ${String(code)}`}`))
  })
  const last = output.split('\n').findLast(line => line.startsWith('{"kind"'))
  if (last === undefined) return { kind: 'failed', reason: `${ended}. ${errors}`.trim() }
  const answer = JSON.parse(last) as ChildAnswer
  if (answer.kind !== 'measured') return { ...answer, reason: `${answer.reason} ${errors}`.trim() }
  if (!flags.includes('--trace-gc')) return answer
  const figures = { ...answer.measured.figures, markCompacts: countMarkCompacts(output) }
  return { kind: 'measured', measured: { ...answer.measured, figures } }
}

const key = (cell: Cell): string => `${cell.case} ${cell.contender} ${cell.bytes}`

export class Rotation {
  readonly records: Map<string, CellRecord>
  readonly #profile: Profile
  readonly #spin: number | undefined
  readonly #unavailable = new Map<string, string>()

  constructor(cells: readonly Cell[], profile: Profile, spin: number | undefined) {
    this.#profile = profile
    this.#spin = spin
    this.records = new Map(cells.map(cell => [key(cell), new CellRecord(cell)]))
  }

  record(cell: Cell): CellRecord {
    const record = this.records.get(key(cell))
    if (!record) throw new Error(`no such cell: ${key(cell)}`)
    return record
  }

  /** Why this cell is not tried: impossible, known to be unavailable, or too slow by its next smaller size. */
  #reasonToSkip(cell: Cell): string | undefined {
    const known =
      impossible(cell) ?? this.#unavailable.get(cell.contender) ?? this.record(cell).skipped
    if (known !== undefined) return known
    const smaller = [...this.records.values()]
      .filter(({ cell: other }) => other.case === cell.case && other.contender === cell.contender)
      .filter(({ cell: other }) => other.bytes >= 2 ** 20 && other.bytes < cell.bytes)
      .at(-1)
    if (!smaller) return undefined
    if (smaller.skipped !== undefined) return smaller.skipped
    const projectedMs =
      (smaller.histogram.percentile(0.5) / 1e6) * (cell.bytes / smaller.cell.bytes)
    if (projectedMs <= this.#profile.longestCallMs) return undefined
    return `about ${(projectedMs / 1000).toPrecision(2)} s a call`
  }

  async run(cell: Cell, round: number): Promise<void> {
    const record = this.record(cell)
    if (round > 0 && cases[cell.case]?.once) return
    record.skipped = this.#reasonToSkip(cell)
    if (record.skipped !== undefined) return
    const start = performance.now()
    const answer = await runChild(cell, this.#profile, this.#spin)
    record.lastMs = performance.now() - start
    if (answer.kind === 'measured') return record.add(answer.measured)
    if (answer.kind === 'wrong') throw new WrongValueError(`${key(cell)}: ${answer.reason}`)
    record.skipped = `${answer.kind}: ${answer.reason}`
    if (answer.kind === 'unavailable') this.#unavailable.set(cell.contender, record.skipped)
  }
}

// Runs cells round by round, each in a fresh Node process, and merges the rounds.
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Cell, MeasuredJson, Series } from './cases/case.js'
import { cases } from './cases/index.js'
import { traceStart } from './cases/results.js'
import { WrongValueError } from './contender.js'
import { contenders } from './contenders/index.js'
import { placed } from './cores.js'
import { Histogram } from './histogram.js'
import { impossible, type Profile } from './plan.js'
import { tree } from './process-tree.js'

type ChildAnswer =
  | { readonly kind: 'measured'; readonly measured: MeasuredJson }
  | { readonly kind: 'unavailable' | 'not offered' | 'failed' | 'wrong'; readonly reason: string }

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
  /** What each round took, process start and end included. */
  readonly wallMs: number[] = []

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

/** A cell of one round in a process of its own. */
class CellProcess {
  readonly #cell: Cell
  readonly #child: ChildProcess
  #output = ''
  #errors = ''
  readonly #ended: Promise<string>

  constructor(cell: Cell, seconds: number, spin: number | undefined) {
    this.#cell = cell
    const args = [
      ...this.#flags,
      childFile,
      cell.case,
      cell.contender,
      String(cell.bytes),
      String(seconds),
    ]
    if (spin !== undefined) args.push(String(spin))
    const { command, env } = placed([process.execPath, ...args], contenders[cell.contender]?.cores)
    const child = spawn(command[0] ?? '', command.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
    })
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#output += text))
    child.stderr
      .setEncoding('utf8')
      .on('data', (text: string) => (this.#errors = (this.#errors + text).slice(-2000)))
    this.#child = child
    this.#ended = this.#end(cases[cell.case]?.limitMs ?? kLimitMs)
  }

  get #flags(): readonly string[] {
    return cases[this.#cell.case]?.nodeFlags ?? []
  }

  #end(limitMs: number): Promise<string> {
    return new Promise(resolve => {
      const timer = setTimeout(() => {
        this.kill()
        resolve(`no result after ${limitMs / 1000} s`)
      }, limitMs)
      const end = (reason: string): void => {
        clearTimeout(timer)
        resolve(reason)
      }
      this.#child.once('error', error => end(error.message))
      this.#child.once('close', (code, signal) =>
        end(`ended with ${signal ?? `code ${String(code)}`}`),
      )
    })
  }

  /** Ends it and everything that it has started. */
  kill(): void {
    if (this.#child.pid === undefined || this.#child.exitCode !== null) return
    for (const pid of tree(this.#child.pid)) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  async answer(): Promise<ChildAnswer> {
    const ended = await this.#ended
    const last = this.#output.split('\n').findLast(line => line.startsWith('{"kind"'))
    if (last === undefined) return { kind: 'failed', reason: `${ended}. ${this.#errors}`.trim() }
    const answer = JSON.parse(last) as ChildAnswer
    if (answer.kind === 'not offered') return answer
    if (answer.kind !== 'measured')
      return { ...answer, reason: `${answer.reason} ${this.#errors}`.trim() }
    if (!this.#flags.includes('--trace-gc')) return answer
    const figures = { ...answer.measured.figures, markCompacts: countMarkCompacts(this.#output) }
    return { kind: 'measured', measured: { ...answer.measured, figures } }
  }
}

const key = (cell: Cell): string => `${cell.case} ${cell.contender} ${cell.bytes}`

export class Rotation {
  readonly records: Map<string, CellRecord>
  readonly #profile: Profile
  readonly #spin: number | undefined
  /** Contenders that cannot take part, with the reason. */
  readonly #unavailable: Map<string, string>
  #current: CellProcess | undefined
  #stopped = false

  constructor(
    cells: readonly Cell[],
    profile: Profile,
    spin: number | undefined,
    absent: ReadonlyMap<string, string>,
  ) {
    this.#profile = profile
    this.#spin = spin
    this.#unavailable = new Map(absent)
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

  async run(cell: Cell): Promise<void> {
    const record = this.record(cell)
    record.skipped = this.#reasonToSkip(cell)
    if (record.skipped !== undefined) return
    const start = performance.now()
    const { seconds, onceSeconds } = this.#profile
    const time = cases[cell.case]?.once ? onceSeconds : seconds
    this.#current = new CellProcess(cell, time, this.#spin)
    const answer = await this.#current.answer()
    this.#current = undefined
    if (this.#stopped) return
    record.wallMs.push(performance.now() - start)
    if (answer.kind === 'measured') return record.add(answer.measured)
    if (answer.kind === 'wrong') throw new WrongValueError(`${key(cell)}: ${answer.reason}`)
    record.skipped =
      answer.kind === 'not offered' ? answer.reason : `${answer.kind}: ${answer.reason}`
    if (answer.kind === 'unavailable') this.#unavailable.set(cell.contender, record.skipped)
  }

  /** Ends what is running now, without an answer from it. */
  stop(): void {
    this.#stopped = true
    this.#current?.kill()
  }
}

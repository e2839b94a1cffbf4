// How long cells take: what is planned before a run, and what is left of it.
import { existsSync } from 'node:fs'
import type { Cell } from './cases/case.js'
import { cases } from './cases/index.js'
import { source } from './paths.js'
import { find, type Results, readResults } from './results.js'

/** Process start, import of numpy, end of both. */
const kStartMs = 350
const kWarmMs = 450 // 4,000 calls or 800 ms: cases/warm-up.ts
const kCallsOfLargeArrays = 5 // one to warm up, three that count, one in place of filling it
const kBytesPerMs = 1e6 // of those who copy

/** What a round of a cell takes: by the committed run where that has the cell, else by rough figures. */
export class Estimate {
  readonly #seconds: number
  readonly #absent: ReadonlyMap<string, string>
  readonly #reference: Results | undefined

  /** @param absent contenders that take no time, because they cannot take part */
  constructor(
    seconds: number,
    absent: ReadonlyMap<string, string> = new Map(),
    reference = committed(),
  ) {
    this.#seconds = seconds
    this.#absent = absent
    this.#reference = reference
  }

  /** ms of one round. */
  of(cell: Cell): number {
    if (this.#absent.has(cell.contender)) return 0
    const { expectedMs } = cases[cell.case] ?? {}
    if (expectedMs !== undefined) return expectedMs
    const measured = this.#seconds * 1000
    const besides = this.#besides(cell)
    if (besides !== undefined) return besides + measured
    const copying = cell.contender.startsWith('isthmus') ? 0 : cell.bytes / kBytesPerMs
    return kStartMs + kWarmMs + Math.max(measured, copying * kCallsOfLargeArrays)
  }

  /** What the committed run needed besides measuring. */
  #besides(cell: Cell): number | undefined {
    const { secondsPerRound } = this.#reference ?? {}
    if (!this.#reference || secondsPerRound === undefined) return undefined
    const wallMs = find(this.#reference, cell.case, cell.contender, cell.bytes)?.wallMs
    return wallMs === undefined ? undefined : Math.max(0, wallMs - secondsPerRound * 1000)
  }
}

function committed(): Results | undefined {
  const file = source('results', 'reference.json')
  return existsSync(file) ? readResults(file) : undefined
}

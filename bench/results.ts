// The result file: what one run of the bench found, complete enough to print every table and page from it.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Series } from './cases/case.js'
import { checksOf } from './checks.js'
import { contenders } from './contenders/index.js'
import { figures as knownFigures } from './figures.js'
import type { Machine } from './machine.js'
import type { CellRecord } from './rotation.js'
import { median, type Ratio, ratioOf } from './statistics.js'

/** The shares of samples at which `curve` has the latency. */
export const curveShares: readonly number[] = [
  0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999, 1,
]
const kSamplesOfCurve = 1000

export interface CellResult {
  readonly case: string
  readonly contender: string
  readonly bytes: number
  /** Latencies in ns over all rounds. */
  readonly latency?: { readonly [name in 'p50' | 'p90' | 'p99' | 'p999' | 'max' | 'count']: number }
  /** The p50 of each round in ns: what the interval of a ratio comes from. */
  readonly roundP50s?: readonly number[]
  /** Latencies in ns at `curveShares`, where there are samples enough. */
  readonly curve?: readonly number[]
  /** Each figure's median over the rounds. */
  readonly figures?: Readonly<Record<string, number>>
  /** Each figure in each round. */
  readonly roundFigures?: Readonly<Record<string, readonly number[]>>
  /** How it compares with Isthmus, by `p50` or a figure. Above 1, Isthmus is ahead. Written, not read: see `ratiosOf`. */
  readonly ratios?: Readonly<Record<string, Ratio>>
  /** Quantities over the course of a case. */
  readonly series?: Series
  /** What one round took, process start and end included. */
  readonly wallMs?: number
  readonly skipped?: string
}

export interface ContenderTitle {
  readonly title: string
  readonly kind: string
}

export interface Results {
  readonly date: string
  readonly profile: string
  readonly spin: number | 'default'
  readonly seconds: number
  /** How long one round measures a cell. */
  readonly secondsPerRound?: number
  /** Why the run does not have everything that was planned. */
  readonly incomplete?: string
  readonly machine: Machine
  readonly contenders?: Readonly<Record<string, ContenderTitle>>
  readonly cells: readonly CellResult[]
}

const mapped = <T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U) =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]))

export function resultOf(record: CellRecord): CellResult {
  const { cell, histogram, roundP50s, figures, series, skipped, wallMs } = record
  const at = (share: number): number => Math.round(histogram.percentile(share))
  return {
    ...cell,
    ...(histogram.count > 0 && {
      latency: {
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
        max: histogram.max,
        count: histogram.count,
      },
      roundP50s: roundP50s.map(Math.round),
    }),
    ...(histogram.count >= kSamplesOfCurve && { curve: curveShares.map(at) }),
    ...(Object.keys(figures).length > 0 && {
      figures: mapped(figures, median),
      roundFigures: figures,
    }),
    ...(series && { series }),
    ...(wallMs.length > 0 && { wallMs: Math.round(median(wallMs)) }),
    ...(skipped !== undefined && { skipped }),
  }
}

export function find(
  results: Results,
  name: string,
  contender: string,
  bytes = 0,
): CellResult | undefined {
  return results.cells.find(
    cell => cell.case === name && cell.contender === contender && cell.bytes === bytes,
  )
}

export const titleOf = (results: Results, contender: string): string =>
  results.contenders?.[contender]?.title ?? contenders[contender]?.title ?? contender

/** The cell that others of its case and size are compared with: isthmus, else the first form of it that is there. */
export function baseOf(results: Results, { case: name, bytes }: CellResult) {
  return (
    find(results, name, 'isthmus', bytes) ??
    results.cells.find(
      cell =>
        cell.case === name &&
        cell.bytes === bytes &&
        cell.contender.startsWith('isthmus') &&
        !cell.skipped,
    )
  )
}

/** The rounds' values of everything by which contenders are compared: `p50`, and figures that say what is better. */
function measuresOf({
  roundP50s,
  figures,
  roundFigures,
}: CellResult): Map<string, readonly number[]> {
  const measures = new Map<string, readonly number[]>()
  if (roundP50s) measures.set('p50', roundP50s)
  for (const [name, { better }] of Object.entries(knownFigures)) {
    const median = figures?.[name]
    if (better && median !== undefined) measures.set(name, roundFigures?.[name] ?? [median])
  }
  return measures
}

/** One contender's cell over another's, by one measure. Above 1, `base` is ahead, whichever way is better. */
export function ratioBetween(
  cell: CellResult,
  base: CellResult,
  measure: string,
): Ratio | undefined {
  const own = measuresOf(cell).get(measure)
  const other = measuresOf(base).get(measure)
  if (!own || !other) return undefined
  return knownFigures[measure]?.better === 'more' ? ratioOf(other, own) : ratioOf(own, other)
}

/** A cell compared with Isthmus by everything that both have; the measure that counts most comes first. */
export function ratiosOf(results: Results, cell: CellResult): Map<string, Ratio> {
  const base = baseOf(results, cell)
  const ratios = new Map<string, Ratio>()
  if (!base || base === cell) return ratios
  for (const measure of measuresOf(cell).keys()) {
    const ratio = ratioBetween(cell, base, measure)
    if (ratio) ratios.set(measure, ratio)
  }
  return ratios
}

export const readResults = (file: string): Results =>
  JSON.parse(readFileSync(file, 'utf8')) as Results

/** As text: one line for each cell, so that two files can be compared. */
function textOf(results: Results): string {
  const { cells, ...head } = results
  const lines = cells.map(cell => {
    const ratios = Object.fromEntries(ratiosOf(results, cell))
    return JSON.stringify(Object.keys(ratios).length > 0 ? { ...cell, ratios } : cell)
  })
  const first = JSON.stringify({ ...head, checks: checksOf(results) }, null, 1)
  return `${first.slice(0, -2)},\n "cells": [\n${lines.join(',\n')}\n ]\n}\n`
}

export function writeResults(results: Results, file: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, textOf(results))
}

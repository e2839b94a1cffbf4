// What an experiment has to say about itself, and the file that a run of it leaves.
import { readFileSync } from 'node:fs'
import type { Machine } from '../machine.js'
import type { Arm, ArmResult, ArmRun } from './arm.js'

export interface Prepared {
  /** What the arms find in their environment: where the data is, how many threads there are. */
  readonly env: Readonly<Record<string, string>>
  /** What was found out meanwhile: versions, accuracy, substitutes. Shown as `name: value`. */
  readonly facts: Readonly<Record<string, string | number>>
}

/** A row for each arm of a part. */
export interface Table {
  /** Of experiments that have parts. */
  readonly part?: string
  /** What stands above it. */
  readonly title?: string
  readonly columns: readonly Column[]
  /** What the labels are. */
  readonly labels: string
}

export interface Column {
  readonly title: string
  readonly value: (run: ArmRun) => number | undefined
  readonly show: (value: number) => string
  /** The least of them is not the best. */
  readonly plain?: true
}

/** Bars for one quantity. */
export interface Panel extends Column {
  readonly logarithmic?: true
  /** Of either sign: bars begin in the middle. All such panels of a chart have the same scale. */
  readonly signed?: true
}

export interface Chart {
  readonly title: string
  readonly part?: string
  readonly panels: readonly Panel[]
}

export interface Check {
  readonly claim: string
  readonly found: string
  readonly met: boolean
}

export interface Experiment {
  readonly name: string
  readonly title: string
  /** Runs of each arm, interleaved. */
  readonly rounds: { readonly quick: number; readonly full: number }
  /** The longest that one arm may take, s. */
  readonly limit: number
  /** No run watches memory: all of them are for times. */
  readonly withoutMemory?: true
  readonly arms: readonly Arm[]
  readonly tables: readonly Table[]
  readonly charts: readonly Chart[]
  prepare(options: { readonly quick: boolean }): Promise<Prepared>
  checks(results: ExperimentResults): readonly Check[]
  /** Markdown before and after the table. */
  introduction(results: ExperimentResults): string
  explanation(results: ExperimentResults): string
}

export interface ExperimentResults {
  readonly experiment: string
  readonly date: string
  readonly quick: boolean
  readonly rounds: number
  readonly seconds: number
  readonly machine: Machine
  readonly facts: Readonly<Record<string, string | number>>
  readonly arms: readonly ArmResult[]
}

export const readExperiment = (file: string): ExperimentResults =>
  JSON.parse(readFileSync(file, 'utf8')) as ExperimentResults

export function resultOf(results: ExperimentResults, arm: string): ArmRun | undefined {
  return results.arms.find(({ name }) => name === arm)?.result
}

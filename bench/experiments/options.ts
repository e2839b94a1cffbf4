// The command line of an experiment.
import { parse, UsageError } from '../options.js'
import type { Experiment } from './experiment.js'

export { UsageError }

export interface Options {
  readonly quick: boolean
  readonly only: readonly string[]
  readonly rounds: number | undefined
  readonly json: string | undefined
}

export const usage = (experiment: Experiment): string => `${experiment.title}

Usage: npm run experiment:${experiment.name} -- [options]

  --quick       less work and one round: does everything run? Writes no page
  --only a,b    only these arms; labels are compared with those of the first. Writes no page
  --rounds n    runs of each arm, interleaved (${experiment.rounds.full}; with --quick ${experiment.rounds.quick})
  --json FILE   where to write the result (bench/experiments/results/${experiment.name}.json)
  --help        this text

Arms:
${experiment.arms.map(({ name, title }) => `  ${name.padEnd(24)} ${title}`).join('\n')}`

/** Undefined when help was asked for. */
export function parseOptions(experiment: Experiment, args: string[]): Options | undefined {
  const values = parse(args, known)
  if (values.help) return undefined
  const only = values.only?.split(',').filter(Boolean) ?? []
  const names = experiment.arms.map(({ name }) => name)
  const unknown = only.find(name => !names.includes(name))
  if (unknown !== undefined)
    throw new UsageError(`no arm named '${unknown}'; there are: ${names.join(', ')}`)
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0))
    throw new UsageError('--rounds takes a whole number, 1 or more')
  return { quick: values.quick ?? false, only, rounds, json: values.json }
}

const known = {
  quick: { type: 'boolean' },
  only: { type: 'string' },
  rounds: { type: 'string' },
  json: { type: 'string' },
  help: { type: 'boolean' },
} as const

// npm run experiment:NAME: prepares, runs the arms in rotation, writes the result file, the chart and the page.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { duration } from '../format.js'
import { describeMachine } from '../machine.js'
import type { Arm, ArmResult } from './arm.js'
import { writePage } from './document.js'
import type { Experiment, ExperimentResults, Prepared } from './experiment.js'
import { experiments } from './index.js'
import { differences, merged } from './merge.js'
import { type Options, parseOptions, UsageError, usage } from './options.js'
import { here } from './places.js'
import { report } from './report.js'
import { type Outcome, runArm } from './run-arm.js'

const say = (line: string): void => void process.stderr.write(`${line}\n`)

interface Record {
  readonly arm: Arm
  readonly outcomes: Outcome[]
  failed?: string
}

/**
 * Every round begins with another arm, so that a machine that slows down slows everyone down. The last one watches
 * memory, if the experiment wants it; the others are for times.
 */
async function runAll(
  experiment: Experiment,
  { records, rounds, prepared }: { records: Record[]; rounds: number; prepared: Prepared },
): Promise<void> {
  const start = performance.now()
  let done = 0
  for (let round = 0; round < rounds; round++) {
    const from = round % records.length
    for (const record of [...records.slice(from), ...records.slice(0, from)]) {
      const { arm, outcomes } = record
      done++
      if (record.failed) continue
      try {
        const watched = round === rounds - 1 && !experiment.withoutMemory
        const outcome = await runArm(arm, { env: prepared.env, limit: experiment.limit, watched })
        outcomes.push(outcome)
        const total = rounds * records.length
        const left = ((performance.now() - start) / done) * (total - done)
        const { wall, memory } = outcome.run
        const more = done < total ? `; ${duration(left)} left` : ''
        const used = memory ? `, ${memory.pss.toFixed(0)} MB` : ''
        say(`${done}/${total} ${arm.name}: ${(wall / 1e3).toFixed(1)} s${used}${more}`)
      } catch (error) {
        record.failed = error instanceof Error ? error.message : String(error)
        say(`${arm.name} failed: ${record.failed}`)
      }
    }
  }
}

function armResult({ arm, outcomes, failed }: Record, reference: readonly string[]): ArmResult {
  const runs = outcomes.map(({ run }) => run)
  const result = merged(runs)
  const { name, title, ours, part, tolerance } = arm
  const differing = ({ labels, run }: Outcome): number =>
    tolerance === undefined
      ? differences(labels, reference)
      : Number(!((run.figures.difference ?? NaN) <= tolerance))
  return {
    name,
    title,
    ...(ours && { ours }),
    ...(part !== undefined && { part }),
    ...(tolerance !== undefined && { tolerance }),
    ...(failed === undefined && result && { result }),
    ...(failed !== undefined && { failed }),
    ...(outcomes.length > 0 && {
      labels: outcomes[0]!.labels.length,
      different: Math.max(...outcomes.map(differing)),
    }),
    runs,
  }
}

async function measure(experiment: Experiment, options: Options): Promise<ExperimentResults> {
  const machine = describeMachine()
  const start = performance.now()
  const prepared = await experiment.prepare(options)
  const rounds = options.rounds ?? experiment.rounds[options.quick ? 'quick' : 'full']
  const records = experiment.arms
    .filter(({ name }) => options.only.length === 0 || options.only.includes(name))
    .map((arm): Record => ({ arm, outcomes: [] }))
  await runAll(experiment, { records, rounds, prepared })
  const referenceOf = (part: string | undefined): readonly string[] =>
    records.find(({ arm, outcomes }) => arm.part === part && outcomes.length > 0)?.outcomes[0]
      ?.labels ?? []
  return {
    experiment: experiment.name,
    date: new Date().toISOString(),
    quick: options.quick,
    rounds,
    seconds: Math.round((performance.now() - start) / 1000),
    machine,
    facts: prepared.facts,
    arms: records.map(record => armResult(record, referenceOf(record.arm.part))),
  }
}

/** 0 when every arm ran and labels are the same, whatever the figures; 1 otherwise; 2 for bad usage. */
async function main([name = '', ...args]: string[]): Promise<number> {
  const experiment = experiments.find(each => each.name === name)
  if (!experiment) {
    console.error(`no experiment '${name}'; there are: ${experiments.map(e => e.name).join(', ')}`)
    return 2
  }
  try {
    const options = parseOptions(experiment, args)
    if (!options) {
      console.log(usage(experiment))
      return 0
    }
    const results = await measure(experiment, options)
    const part = options.quick || options.only.length > 0
    const file = options.json ?? here('results', `${name}${part ? '-part' : ''}.json`)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`)
    console.log(`${report(experiment, results)}\n\nWritten to ${file}.`)
    if (!part && !options.json) writePage()
    return results.arms.some(({ failed, different = 0 }) => failed || different > 0) ? 1 : 0
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    console.error(`${error.message}\n\nnpm run experiment:${name} -- --help`)
    return 2
  }
}

process.exitCode = await main(process.argv.slice(2))

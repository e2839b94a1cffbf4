// npm run bench: plans the cells, measures them in rotation, writes the result file, prints the report.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { checksOf } from './checks.js'
import { WrongValueError } from './contender.js'
import { contenders } from './contenders/index.js'
import { installEmbeddings } from './embedding.js'
import { buildFloors } from './floor/build.js'
import { describeMachine } from './machine.js'
import { type Options, parseOptions, UsageError, usage } from './options.js'
import { source } from './paths.js'
import { cellsOf, profiles, rotated } from './plan.js'
import { Progress } from './progress.js'
import { report } from './report.js'
import { type Results, resultOf } from './results.js'
import { Rotation } from './rotation.js'

async function measure(options: Options): Promise<Results> {
  const machine = describeMachine()
  const profile = profiles[options.profile]
  const cells = cellsOf(options)
  if (cells.length === 0) throw new UsageError('no case has such a contender')
  installEmbeddings([
    ...new Set(cells.flatMap(cell => contenders[cell.contender]?.embedding ?? [])),
  ])
  const start = performance.now()
  const rotation = new Rotation(cells, profile, options.spin)
  const progress = new Progress(cells.length * profile.rounds)
  for (let round = 0; round < profile.rounds; round++) {
    for (const cell of rotated(cells, round)) {
      progress.begin(cell)
      await rotation.run(cell, round)
      progress.end()
    }
  }
  progress.close()
  return {
    date: new Date().toISOString(),
    profile: options.profile,
    spin: options.spin ?? 'default',
    seconds: Math.round((performance.now() - start) / 1000),
    machine,
    cells: [...rotation.records.values()].map(resultOf),
  }
}

function save(results: Results, file: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify({ ...results, checks: checksOf(results) }, null, 1)}\n`)
}

/** 0 when everything ran, whatever the ratios; 1 when a value was wrong or a cell failed; 2 for bad usage. */
async function main(): Promise<number> {
  try {
    const options = parseOptions(process.argv.slice(2))
    if (!options) {
      console.log(usage)
      return 0
    }
    buildFloors()
    const results = await measure(options)
    const file =
      options.json ?? source('results', `${results.date.slice(0, 19).replaceAll(':', '-')}.json`)
    save(results, file)
    console.log(`${report(results)}\n\nWritten to ${file}.`)
    return results.cells.some(({ skipped }) => skipped?.startsWith('failed')) ? 1 : 0
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\nnpm run bench -- --help`)
      return 2
    }
    if (!(error instanceof WrongValueError)) throw error
    console.error(`\nA wrong value, so there is no result. ${error.message}`)
    return 1
  }
}

process.exitCode = await main()

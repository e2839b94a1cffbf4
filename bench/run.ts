// npm run bench, npx isthmus bench: plans the cells, measures them in rotation, writes the result and its page,
// prints the report.
import { join } from 'node:path'
import type { Cell } from './cases/case.js'
import { UnavailableError, WrongValueError } from './contender.js'
import { contenders } from './contenders/index.js'
import { Estimate } from './estimate.js'
import { buildFloors } from './floor/build.js'
import { duration } from './format.js'
import { describeMachine, load, type Machine } from './machine.js'
import { type Options, parseOptions, UsageError, usage } from './options.js'
import { installRivals, isInstalled } from './packages.js'
import { writePage } from './page.js'
import { isPackage, python, resultsFolder } from './paths.js'
import { cellsOf, profiles, type Step, stepsOf } from './plan.js'
import { Progress } from './progress.js'
import { installPythonPackages, usePythonPackages } from './python-packages.js'
import { report } from './report.js'
import { type Results, resultOf, writeResults } from './results.js'
import { Rotation } from './rotation.js'

const kInterrupted = 130

/** What is going to happen, before it does. */
function announce(steps: readonly Step[], estimate: Estimate): void {
  const cells = new Set(steps.map(({ cell }) => cell)).size
  const ms = steps.reduce((sum, { cell }) => sum + estimate.of(cell), 0)
  const rounds = [...new Set(steps.map(({ round }) => round))].length
  const times = rounds === 1 ? 'one round' : `up to ${rounds} rounds`
  process.stderr.write(
    `${cells} cells, ${times}: about ${duration(ms)}. Ctrl-C writes what there is.\n`,
  )
}

/** Without these, Isthmus itself does not run. The repository's set-up has installed them. */
function requirePackages({ packages }: Machine): void {
  const missing = ['numpy', 'msgspec'].filter(name => (packages[name] ?? 'missing') === 'missing')
  if (missing.length === 0) return
  const names = missing.join(' ')
  throw new UnavailableError(
    `${python()} has no ${missing.join(' and no ')}; install: ${python()} -m pip install ${names}`,
  )
}

/** Whatever the cells need that is no part of Isthmus. In the package nothing is installed unless that was asked for. */
function prepare(cells: readonly Cell[], { install }: Options): void {
  const used = cells.flatMap(({ contender }) => contenders[contender] ?? [])
  if (used.some(({ kind }) => kind === 'floor')) buildFloors()
  if (!isPackage || install) installRivals(used.flatMap(({ npm }) => npm ?? []))
  if (!isPackage) return
  if (install) installPythonPackages()
  usePythonPackages()
}

/** Why contenders cannot take part, of those of which that is known beforehand. */
function absentees(cells: readonly Cell[], { packages }: Machine): Map<string, string> {
  const get = isPackage ? 'npx isthmus bench --install' : 'npm run setup -- --bench'
  const absent = new Map<string, string>()
  for (const { contender } of cells) {
    const { npm, pypi } = contenders[contender] ?? {}
    if (npm !== undefined && !isInstalled(npm))
      absent.set(contender, `unavailable: ${npm} of npm is not installed: ${get}`)
    else if (pypi !== undefined && packages[pypi] === 'missing')
      absent.set(contender, `unavailable: ${pypi} of PyPI is not installed: ${get}`)
  }
  return absent
}

async function measure(options: Options): Promise<Results> {
  const profile = profiles[options.profile]
  const cells = cellsOf(options)
  if (cells.length === 0) throw new UsageError('no case has such a contender and size')
  prepare(cells, options)
  const machine = describeMachine()
  requirePackages(machine)
  const absent = absentees(cells, machine)
  const estimate = new Estimate(profile.seconds, absent)
  const steps = stepsOf(cells, profile, estimate)
  announce(steps, estimate)
  const start = performance.now()
  const rotation = new Rotation(cells, profile, options.spin, absent)
  const progress = new Progress(steps, cell => estimate.of(cell))
  let done = 0
  let interrupted = false
  const interrupt = (): void => {
    interrupted = true
    rotation.stop()
  }
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const signal of signals) process.once(signal, interrupt) // a second one ends it as ever
  for (const { cell, round } of steps) {
    // What took longer than was planned has fewer rounds, but never fewer than the least.
    if (round >= profile.rounds[0] && performance.now() - start > profile.budgetMs) break
    progress.begin(cell)
    await rotation.run(cell)
    if (interrupted) break
    done++
    progress.end(rotation.record(cell).skipped !== undefined)
  }
  for (const signal of signals) process.off(signal, interrupt)
  progress.close()
  const used = [...new Set(cells.map(({ contender }) => contender))]
  return {
    date: new Date().toISOString(),
    profile: options.profile,
    spin: options.spin ?? 'default',
    seconds: Math.round((performance.now() - start) / 1000),
    secondsPerRound: profile.seconds,
    ...((interrupted as boolean) && {
      incomplete: `interrupted after ${done} of ${steps.length} steps`,
    }),
    machine: { ...machine, loadAfter: load() },
    contenders: Object.fromEntries(
      used.map(name => {
        const { title, kind } = contenders[name]!
        return [name, { title, kind }]
      }),
    ),
    cells: [...rotation.records.values()].map(resultOf),
  }
}

function fileFor({ json }: Options, { date }: Results): string {
  const name = date.slice(0, 19).replaceAll(':', '-')
  return json ?? join(resultsFolder, `${isPackage ? 'isthmus-bench-' : ''}${name}.json`)
}

/** 0 when everything ran, whatever the ratios; 1 when a value was wrong or a cell failed; 2 for bad usage. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const options = parseOptions([...args])
    if (!options) {
      console.log(usage)
      return 0
    }
    const results = await measure(options)
    const file = fileFor(options, results)
    writeResults(results, file)
    const page = options.html ?? file.replace(/(\.json)?$/, '.html')
    writePage(results, page)
    console.log(`${report(results)}\n\nWritten to ${file} and ${page}.`)
    if (results.incomplete !== undefined) return kInterrupted
    return results.cells.some(({ skipped }) => skipped?.startsWith('failed')) ? 1 : 0
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n--help lists what there is.`)
      return 2
    }
    if (error instanceof UnavailableError) {
      console.error(error.message)
      return 1
    }
    if (!(error instanceof WrongValueError)) throw error
    console.error(`\nA wrong value, so there is no result. ${error.message}`)
    return 1
  }
}

if (process.argv[1]?.endsWith('bench/run.js')) process.exitCode = await main(process.argv.slice(2))

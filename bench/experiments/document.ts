// docs/experiments.md and its charts, from the committed result files. Usage: document.js [--check]
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../paths.js'
import { draw } from './chart.js'
import { type Experiment, readExperiment } from './experiment.js'
import { experiments } from './index.js'
import { here } from './places.js'
import { checkTable, factLines, machineLine, tables } from './report.js'

const kHead = `<!-- Written by \`npm run experiment:docs\` from bench/experiments/results; do not edit. -->
# Experiments

Two published comparisons of ways to serve a Python model, rebuilt, and a simulation in numpy, driven from Node and spread
over two processes in the ways that Python has for that: every arm on one machine, with the same work, the same inputs and
the same number of threads. Rows in which Isthmus is not first are there, too.

An **arm** is a process tree of its own, started anew for each run. *Wall* is from the start of its first process to the
end of it: interpreter, imports and loading the model included. *First result* is from the same start. *CPU* is the time
of all its processes, those that have ended included. *Memory* is the highest sum of PSS over all its processes, taken
every 80 ms in a run that does not count for the times: private pages, and of pages that n processes share, 1/n in each.
Arms run a copy of the \`node\` binary, because pages that they shared with a Node outside would not be counted in full.
How: [bench/experiments](../bench/experiments/README.md).
`

const pictureOf = (experiment: Experiment, at: number): string =>
  `experiments-${experiment.name}${at === 0 ? '' : `-${at + 1}`}.svg`

function sectionOf(experiment: Experiment): string {
  const file = here('results', `${experiment.name}.json`)
  const head = `## ${experiment.title}\n\n\`npm run experiment:${experiment.name}\``
  if (!existsSync(file)) return `${head}\n\nNot run yet.`
  const results = readExperiment(file)
  return [
    head,
    experiment.introduction(results),
    ...experiment.charts.map(({ title }, at) => `![${title}](${pictureOf(experiment, at)})`),
    tables(experiment, results),
    checkTable(experiment, results),
    experiment.explanation(results),
    factLines(results),
    `${machineLine(results)}.`,
  ]
    .filter(Boolean)
    .join('\n\n')
}

/** The page and its pictures: file names below docs, and what is in them. */
export function pages(): Map<string, string> {
  const files = new Map<string, string>()
  files.set('experiments.md', `${[kHead.trimEnd(), ...experiments.map(sectionOf)].join('\n\n')}\n`)
  for (const experiment of experiments) {
    const file = here('results', `${experiment.name}.json`)
    if (!existsSync(file)) continue
    const results = readExperiment(file)
    experiment.charts.forEach((chart, at) => {
      files.set(pictureOf(experiment, at), draw(chart, results))
    })
  }
  return files
}

export function writePage(): void {
  for (const [name, text] of pages()) writeFileSync(join(root, 'docs', name), text)
}

/** 1 when a page is not what the result files say. */
function check(): number {
  const stale = [...pages()].filter(([name, text]) => {
    const file = join(root, 'docs', name)
    return !existsSync(file) || readFileSync(file, 'utf8') !== text
  })
  for (const [name] of stale)
    console.error(`docs/${name} is not up to date; run: npm run experiment:docs`)
  return stale.length > 0 ? 1 : 0
}

if (process.argv[1]?.endsWith('document.js')) {
  if (process.argv.includes('--check')) process.exitCode = check()
  else writePage()
}

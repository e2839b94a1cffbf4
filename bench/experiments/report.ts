// An experiment's table: for the terminal and for the page.
import type { ArmResult } from './arm.js'
import type { Experiment, ExperimentResults, Table } from './experiment.js'

/** All of an experiment's tables. */
export const tables = (experiment: Experiment, { arms }: ExperimentResults): string =>
  experiment.tables
    .map(table => {
      const rows = tableOf(
        table,
        arms.filter(({ part }) => part === table.part),
      )
      return table.title === undefined ? rows : `${table.title}\n\n${rows}`
    })
    .join('\n\n')

/** Markdown rows; the smallest value of each column is bold. */
function tableOf({ columns, labels: heading }: Table, arms: readonly ArmResult[]): string {
  const best = columns.map(({ value }) =>
    Math.min(...arms.flatMap(({ result }) => (result ? [value(result) ?? Infinity] : []))),
  )
  const rows = arms.map(arm => {
    const cells = columns.map(({ value, show, plain }, at) => {
      const seen = arm.result && value(arm.result)
      if (seen === undefined) return '–'
      return seen === best[at] && !plain ? `**${show(seen)}**` : show(seen)
    })
    return [arm.ours ? `**${arm.title}**` : arm.title, ...cells, labelsOf(arm)]
  })
  const head = ['', ...columns.map(({ title }) => title), heading]
  const rule = ['---', ...columns.map(() => '---:'), '---']
  return [head, rule, ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n')
}

function labelsOf({ failed, different, labels, tolerance, result }: ArmResult): string {
  if (failed !== undefined) return `failed: ${failed.split('\n')[0]}`
  const difference = result?.figures.difference
  if (tolerance !== undefined && difference !== undefined)
    return `within ${difference.toExponential(0)}`
  if (labels === 0) return '–'
  return different === 0 ? 'the same' : `${different} of ${labels} differ`
}

/** Empty when arms are missing that it takes to judge. */
export function checkTable(experiment: Experiment, results: ExperimentResults): string {
  const rows = experiment
    .checks(results)
    .map(({ claim, found, met }) => `| ${claim} | ${found} | ${met ? 'met' : '**not met**'} |`)
  if (rows.length === 0) return ''
  return ['| it must show | measured | |', '|---|---|---|', ...rows].join('\n')
}

export const factLines = ({ facts }: ExperimentResults): string =>
  Object.entries(facts)
    .map(
      ([name, value]) =>
        `- ${name}: ${typeof value === 'number' ? value.toLocaleString('en-US') : value}`,
    )
    .join('\n')

function runsLine({ rounds, arms }: ExperimentResults): string {
  const watched = arms.some(({ runs }) => runs.some(({ memory }) => memory))
  if (rounds === 1) return `one run of each arm${watched ? ', with memory watched' : ''}`
  if (!watched) return `medians of ${rounds} runs of each arm`
  return `${rounds - 1} runs of each arm for times (medians), one for memory`
}

export function machineLine(results: ExperimentResults): string {
  const { machine, date, quick } = results
  return (
    `${machine.cpu}, ${machine.cpus} CPUs, ${machine.memoryGb} GB, Linux ${machine.kernel}, ` +
    `Node ${machine.node}, Python ${machine.python}; ${date.slice(0, 10)}, commit ${machine.commit}; ` +
    `${runsLine(results)}${quick ? ' with less data (`--quick`): not for comparing' : ''}; ` +
    `load average before it ${machine.loadBefore.toFixed(2)}`
  )
}

export const report = (experiment: Experiment, results: ExperimentResults): string =>
  [
    factLines(results),
    tables(experiment, results),
    checkTable(experiment, results),
    machineLine(results),
  ]
    .filter(Boolean)
    .join('\n\n')

// The harness of the experiments: what it counts of a process tree, and how runs become a result.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { ArmResult, ArmRun } from '../../bench/experiments/arm.js'
import { pages } from '../../bench/experiments/document.js'
import type { Experiment, ExperimentResults } from '../../bench/experiments/experiment.js'
import { differences, merged } from '../../bench/experiments/merge.js'
import { tables } from '../../bench/experiments/report.js'
import { meanOf } from '../../bench/experiments/simulation/checks.js'
import { simulation } from '../../bench/experiments/simulation/experiment.js'
import { percentile } from '../../bench/experiments/simulation/samples.js'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const python = join(root, '.venv/bin/python')

/** Runs a shell command under tree.py, which samples memory every 20 ms and kills after the limit. */
function watched(folder: string, command: string, limit = 50) {
  const result = join(folder, 'tree.json')
  const args = [join(root, 'bench/experiments/tree.py'), result, '20', String(limit), '--']
  execFileSync(python, [...args, 'sh', '-c', command], { stdio: 'ignore' })
  return JSON.parse(readFileSync(result, 'utf8')) as Record<string, number | boolean>
}

const busy = (megabytes: number, seconds: number) =>
  `'${python}' -c "
import time
held = b'x' * (${megabytes} << 20)
while time.process_time() < ${seconds}: pass
"`

t.test('time and memory of grandchildren count, also of those whose parent has ended', async t => {
  const result = watched(t.testdir(), `(${busy(60, 0.3)} & ${busy(60, 0.3)} &) ; ${busy(60, 0.6)}`)
  t.equal(result.status, 0)
  t.ok(Number(result.cpuSeconds) >= 1.2, `${result.cpuSeconds} s of CPU time`)
  t.ok(Number(result.peakPssMb) >= 100, `${result.peakPssMb} MB`)
})

t.test('a tree that takes too long is ended, all of it', async t => {
  const folder = t.testdir()
  const pids = join(folder, 'pid')
  const result = watched(folder, `sleep 1000 & echo $! > '${pids}'; wait`, 1)
  t.equal(result.overdue, true)
  t.notOk(existsSync(`/proc/${readFileSync(pids, 'utf8').trim()}`))
})

const run = (wall: number, pss?: number): ArmRun => ({
  wall,
  cpu: wall / 1000,
  figures: { p50: wall },
  ...(pss !== undefined && {
    memory: { pss, parts: [], samples: 1, longestGap: 1, cpu: 0 },
  }),
})

t.test('times are medians of the runs in which memory was not watched', async t => {
  const result = merged([run(10), run(30), run(20), run(99, 500), run(99, 400)])
  t.match(result, { wall: 20, cpu: 0.02, figures: { p50: 20 }, memory: { pss: 500 } })
  t.match(merged([run(99, 500)]), { wall: 99, memory: { pss: 500 } })
  t.equal(merged([]), undefined)
})

t.test(
  'labels differ where they are not the same, and everywhere when some are missing',
  async t => {
    t.equal(differences(['a', 'b', 'c'], ['a', 'b', 'c']), 0)
    t.equal(differences(['a', 'x', 'c'], ['a', 'b', 'c']), 1)
    t.equal(differences(['a', 'b'], ['a', 'b', 'c']), 3)
  },
)

/** Rounds that found these times of a step, or percentages; the last one watched memory and does not count. */
function arm(name: string, figures: Record<string, readonly number[]>): ArmResult {
  const found = simulation.arms.find(each => each.name === name)!
  const rounds = Object.values(figures)[0]!.length
  const each = Array.from({ length: rounds }, (_, round) => ({
    ...run(1),
    figures: Object.fromEntries(
      Object.entries(figures).map(([figure, values]) => [figure, values[round]!]),
    ),
  }))
  const runs = [...each, { ...each[0]!, ...run(1, 100), figures: each[0]!.figures }]
  const { title, part } = found
  return {
    name,
    title,
    ...(part && { part }),
    runs,
    result: merged(runs)!,
    different: 0,
    labels: 1,
  }
}

const times = (...us: number[]) => ({
  '1000000.overhead.p50': us,
  '1000000.empty.p50': us,
})

const resultsOf = (arms: readonly ArmResult[]) => ({ arms }) as unknown as ExperimentResults

t.test('simulation: ratios are of the rounds, of the best of each side', async t => {
  const checks = simulation.checks(
    resultsOf([
      arm('pool-pickled', times(3000, 2000, 4000)),
      arm('joblib-pickled', times(1000, 1100, 1200)),
      arm('shared-pipes', times(90, 90, 90)),
      arm('shared-semaphores', times(60, 60, 60)),
      arm('isthmus', times(100, 100, 100)),
      arm('isthmus-kept', times(50, 50, 50)),
    ]),
  )
  const met = (words: string) => checks.filter(({ claim }) => claim.includes(words))
  t.match(met('multiprocessing.Pool'), [{ met: true }, { met: true }])
  t.match(met('joblib'), [{ met: false }, { met: false }])
  t.match(met('semaphores'), [{ met: true, found: /^1\.20 ×/ }, { met: true }])
  t.match(met('to the last bit'), [{ met: true, found: 'the same' }])
})

t.test('simulation: driving is met only if all of the interval is', async t => {
  const found = (...over: number[]) =>
    simulation.checks(
      resultsOf([
        arm('driving-1m', {
          'driven.over': over,
          'control.over': over.map(() => 0),
          copied: over.map(() => 0),
        }),
      ]),
    )
  t.match(found(1, 1.1, 1.2), [
    { met: true, found: '+1.1 ± 0.2 %; control +0.0 ± 0.0 %' },
    { met: true },
  ])
  t.match(found(-8, 1, 8), [{ met: false }, { met: true }])
})

t.test('an interval is of what rounds found, and there is none of one', async t => {
  t.match(meanOf([1, 2, 3]), { value: 2 })
  t.ok(Math.abs(meanOf([1, 2, 3]).half! - 4.303 / Math.sqrt(3)) < 1e-9)
  t.same(meanOf([7]), { value: 7, half: undefined })
})

t.test('percentiles lie between samples', async t => {
  t.equal(percentile([3, 1, 2], 0.5), 2)
  t.equal(percentile([1, 2], 0.5), 1.5)
  t.equal(percentile([0, 10], 0.9), 9)
})

t.test('each part has its own table, and a tolerance in place of labels', async t => {
  const columns = [{ title: 'wall', value: (run: ArmRun) => run.wall, show: String }]
  const experiment = {
    tables: [
      { part: 'one', columns, labels: 'state' },
      { part: 'two', title: 'Two:', columns, labels: 'labels' },
    ],
  } as unknown as Experiment
  const result = { ...run(5), figures: { difference: 0.00003 } }
  const arms = [
    { name: 'a', title: 'A', part: 'one', runs: [], result: run(1), labels: 2, different: 0 },
    { name: 'b', title: 'B', part: 'one', runs: [], result, tolerance: 0.01, different: 0 },
    { name: 'c', title: 'C', part: 'two', runs: [], result: run(2), labels: 2, different: 1 },
  ]
  t.equal(
    tables(experiment, resultsOf(arms)),
    `|  | wall | state |
| --- | ---: | --- |
| A | **1** | the same |
| B | 5 | within 3e-5 |

Two:

|  | wall | labels |
| --- | ---: | --- |
| C | **2** | 1 of 2 differ |`,
  )
})

t.test('the page and its charts say what the result files say', async t => {
  for (const [name, text] of pages())
    t.equal(
      readFileSync(join(root, 'docs', name), 'utf8'),
      text,
      `npm run experiment:docs: ${name}`,
    )
})

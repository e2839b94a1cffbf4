// What experiment 1 must show.
import { time } from '../../format.js'
import type { ArmResult, ArmRun } from '../arm.js'
import { type Check, type ExperimentResults, resultOf } from '../experiment.js'

const ms = (value: number): string => time(value * 1e6)
const mb = (value: number): string => `${Math.round(value).toLocaleString('en-US')} MB`
export const pss = (run: ArmRun): number => run.memory?.pss ?? NaN

type Ran = ArmResult & { readonly result: ArmRun }

/** Of those that ran: the one that was done first. */
export function fastest(arms: readonly ArmResult[]): Ran | undefined {
  const ran = arms.filter((arm): arm is Ran => arm.result !== undefined)
  return ran.toSorted((a, b) => a.result.wall - b.result.wall)[0]
}

export function checks(results: ExperimentResults): Check[] {
  const [python, processes, many, single, batches, concurrent] = [
    'python',
    'python-processes',
    'python-processes-8',
    'isthmus',
    'isthmus-batches',
    'isthmus-concurrent',
  ].map(name => resultOf(results, name))
  const best = fastest(results.arms.filter(({ ours }) => ours))
  const rival = fastest(results.arms.filter(({ ours }) => !ours))
  if (!python || !processes || !many || !single || !batches || !concurrent) return []
  if (!best || !rival) return []
  const ratio = single.wall / python.wall
  const most = Math.max(...[single, batches, concurrent].map(pss))
  const same = results.arms.every(({ different }) => different === 0)
  const below = (run: ArmRun, title: string): Check => ({
    claim: `one worker: memory below half of multiprocessing with ${title}`,
    found: `${mb(pss(single))} of ${mb(pss(run))}`,
    met: pss(single) < pss(run) / 2,
  })
  return [
    {
      claim: 'one by one: wall at most 1.03 times that of Python alone',
      found: `${ratio.toFixed(3)} times`,
      met: ratio <= 1.03,
    },
    {
      claim: 'with batches or a pool: at least as fast as the fastest other arm',
      found: `${best.title} ${ms(best.result.wall)}; ${rival.title} ${ms(rival.result.wall)}`,
      met: best.result.wall <= rival.result.wall,
    },
    {
      claim: 'with batches or a pool: faster than Python alone',
      found: `${(python.wall / best.result.wall).toFixed(2)} times as fast`,
      met: best.result.wall < python.wall,
    },
    {
      claim: 'one worker, one by one or in batches: memory at most 80 MB more than Python alone',
      found: `${(most - pss(python)).toFixed(0)} MB more`,
      met: most <= pss(python) + 80,
    },
    below(processes, '2 models'),
    below(many, '8 models'),
    { claim: 'all arms: the same labels', found: same ? 'the same' : 'they differ', met: same },
  ]
}

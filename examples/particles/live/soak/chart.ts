// The picture of a soak of the live view.
import { linear } from '../../../../bench/charts/axis.js'
import { drawPanels, type Line, largestOf } from '../../../../bench/charts/panels.js'
import type { Machine } from '../../../../bench/machine.js'
import { warmUp } from '../../../../test/soak/trend.js'
import type { Outcome } from './run.js'

export function draw(
  { samples, verdicts, failures, seconds, done }: Outcome,
  machine: Machine,
): string {
  const line = (name: string, key: string): Line => {
    const verdict = verdicts.find(each => each.key === key)
    const points = samples.map(sample => [sample.at!, sample[key]!] as const)
    if (verdict === undefined) return { name, points }
    return { name, points, note: `${verdict.slope.toFixed(1)} ${verdict.unit} per hour` }
  }
  const panel = (title: string, lines: readonly Line[]) => ({
    title,
    lines,
    axis: linear(largestOf(lines)),
  })
  const acts = Object.values(done).reduce((sum, count) => sum + count, 0)
  const { cpu, cpus, kernel, node, python, packages, commit } = machine
  return drawPanels(
    [
      panel('Private memory, MB', [line('Node', 'nodePrivate'), line('Python', 'pythonPrivate')]),
      panel('Shared memory, MB', [line('all states', 'shared')]),
      panel('States and viewers', [line('states', 'states'), line('viewers', 'viewers')]),
      panel('Open descriptors', [
        line('Node', 'nodeDescriptors'),
        line('Python', 'pythonDescriptors'),
      ]),
      panel('Steps per second', [line('steps', 'steps')]),
    ],
    {
      title: 'The soak of the live view: memory, states and descriptors over time',
      summary: `${Math.round(seconds / 6) / 10} minutes of viewers: ${acts} acts, ${failures.length} failures`,
      circumstances: `${cpu}, ${cpus} CPUs, Linux ${kernel}, Node ${node}, Python ${python}, numpy ${packages.numpy}; commit ${commit}`,
      seconds: samples.at(-1)?.at ?? seconds,
      warm: verdicts.length > 0 ? seconds * warmUp : 0,
    },
  )
}

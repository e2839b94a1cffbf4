// What the page says about experiment 1. Figures in the text are those of the result file.
import type { ArmRun } from '../arm.js'
import { type ExperimentResults, resultOf } from '../experiment.js'
import { fastest, pss } from './checks.js'

const kPublished = `| published, another machine and model | wall | memory |
|---|---:|---:|
| Python, one process | 38 s | 500 MB |
| Python \`multiprocessing\` | over 220 s | 4,000 MB |
| Go with Python embedded | 40–42 s | 94–110 MB |`

export const introduction = ({ facts }: ExperimentResults): string => `${kPublished}

The published memory of the last row is Go's own heap only, without Python, in the same process, and its model; its calls
ran one after another. Here the memory of every process counts. The second row's memory is eight times the first's; how
many processes it had is not known here, so there is an arm with two and one with eight.

The work: label 1,000 reviews of food, of 91 tokens on average, as *great* or *other*. The model: a MiniLM encoder of 6
layers in ONNX Runtime, with a logistic head trained here on 4,000 other reviews; accuracy ${facts['accuracy on the test reviews']}.
All arms import the same Python module, [sentiment.py](../bench/experiments/reviews/sentiment.py), and have as many threads
as there are CPUs, divided by their workers. FastAPI (uvloop, httptools, kept-alive connections, plain bodies) and gRPC
(asyncio, no schema) have eight requests under way, and the model in a thread of its own. Texts that come together are
sorted by length there, and go through the model in runs with at most 10 % padding and at most 512 tokens, in
every arm. With 1,024 (\`MOST_TOGETHER\` there; tried once, on a busy machine, before this run) they took as much CPU time,
and Isthmus in batches 88 MB more than Python alone: more than it may.`

export function explanation(results: ExperimentResults): string {
  const [python, batches, processes, single, pool, concurrent] = [
    'python',
    'python-batches',
    'python-processes',
    'isthmus',
    'isthmus-pool',
    'isthmus-concurrent',
  ].map(name => resultOf(results, name))
  const best = fastest(results.arms)
  if (!python || !batches || !processes || !single || !pool || !concurrent || !best) return ''
  const { cpus } = results.machine
  const start = (single.ready ?? NaN) - (python.ready ?? NaN)
  return `How to read it. The first is: ${best.title}.

- The model is nearly all of the work: ${each(python, results)} of CPU time a review in Python alone. A call to another process takes a
  fraction of a millisecond, so the way there decides little; what decides is how well the model uses ${cpus} CPUs.
- Runs of the same arm differ by up to ${spread(results)} % in their wall time on this machine: smaller differences say little.
- CPUs in use on average, of ${cpus}: Python alone ${busy(python)}, in batches ${busy(batches)}; Isthmus one by one ${busy(single)}, 1,000 at once ${busy(concurrent)},
  pool ${busy(pool)}. The threads of one model wait for each other in every layer; workers with a thread each do not. If all
  ${cpus} were always in use, Python alone would be ${(cpus / Number(busy(python))).toFixed(2)} times as fast.
- CPU time of Python alone: ${batches.cpu.toFixed(1)} s in batches, ${python.cpu.toFixed(1)} s one by one. \`@isthmus.batch\` made of 1,000 calls at once batches
  of ${(concurrent.figures.itemsPerBatch ?? NaN).toFixed(1)} on average.
- The model is loaded ${signed(start)} ms after it is in Python alone: Node starts, then Python.
- Memory: beside what Python alone needs, Isthmus needs ${Math.round(pss(single) - pss(python))} MB, most of it Node itself. Multiprocessing with two models
  takes ${Math.round(pss(processes))} MB, Python alone with one ${Math.round(pss(python))} MB: whoever has one model can hardly be below half of two. With eight models,
  it is a different matter.`
}

const each = (run: ArmRun, { arms }: ExperimentResults): string =>
  `${((run.cpu * 1000) / (arms[0]?.labels || 1)).toFixed(0)} ms`

/** CPUs in use, on average, between the start and the end. */
const busy = (run: ArmRun): string => ((run.cpu * 1000) / run.wall).toFixed(2)

const signed = (ms: number): string => `${ms < 0 ? '−' : '+'}${Math.abs(ms).toFixed(0)}`

/** Per cent that the slowest run of an arm takes longer than its fastest: the most of all arms. */
function spread({ arms }: ExperimentResults): string {
  const ratios = arms.flatMap(({ runs }) => {
    const walls = runs.filter(run => run.memory === undefined).map(run => run.wall)
    return walls.length < 2 ? [] : Math.max(...walls) / Math.min(...walls)
  })
  return ratios.length === 0 ? '–' : (100 * (Math.max(...ratios) - 1)).toFixed(0)
}

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
ran one after another. Here the memory of every process counts.

The work: label 1,000 reviews of food as *great* or *other*. The model: a MiniLM encoder of 6 layers in ONNX Runtime, with
a logistic head trained here on 4,000 other reviews; accuracy ${facts['accuracy on the test reviews']}. All arms import the
same Python module, [sentiment.py](../bench/experiments/reviews/sentiment.py). Each has as many threads as there are CPUs,
divided by its workers. FastAPI (uvloop, httptools, kept-alive connections, plain bodies) and gRPC (asyncio, no schema) have
eight requests under way, and the model in a thread of its own. Texts that go to the model together are sorted by length
there, and cut into runs with at most 10 % padding.`

export function explanation(results: ExperimentResults): string {
  const [python, pythonBatches, processes, single, pool, concurrent] = [
    'python',
    'python-batches',
    'python-processes',
    'isthmus',
    'isthmus-pool',
    'isthmus-concurrent',
  ].map(name => resultOf(results, name))
  const best = fastest(results.arms)
  if (!python || !pythonBatches || !processes || !single || !pool || !concurrent || !best) return ''
  const cpus = results.machine.cpus
  const perBatch = concurrent.figures.itemsPerBatch ?? NaN
  return `Why it is so:

- The model is nearly all of it: ${python.cpu.toFixed(1)} s of CPU time in Python alone, ${each(python, results)} a review, where a call
  to another process takes some tenths of a millisecond. So no transport makes much of a difference here, and ${cpus} CPUs
  cannot make it more than ${cpus} times as fast as one.
- Python alone keeps ${busy(python)} of ${cpus} CPUs busy: the threads of one model wait for each other at every layer. Batches
  (${busy(pythonBatches)}) and workers with a thread each (pool: ${busy(pool)}) use them better. That is all that the pool wins. The first is
  ${best.title}.
- A batch costs the CPU as much as its reviews one by one, or a little more, for padding. Of 1,000 calls at once,
  \`@isthmus.batch\` made batches of ${perBatch.toFixed(1)} on average.
- One call at a time in Isthmus takes ${difference(single.wall - python.wall)} than Python alone, of which starting Node and the worker is
  ${difference((single.ready ?? NaN) - (python.ready ?? NaN), 'later')}.
- Memory: a worker needs what Python alone needs, and Node ${Math.round(pss(single) - pss(python))} MB beside it. Two models take ${Math.round(pss(processes))} MB under
  \`multiprocessing\`, and half of that is one model: nobody who has loaded one can be below half of two.`
}

const each = (run: ArmRun, { arms }: ExperimentResults): string =>
  `${((run.cpu * 1000) / (arms[0]?.labels || 1)).toFixed(0)} ms`

/** CPUs in use, on average, between the start and the end. */
const busy = (run: ArmRun): string => ((run.cpu * 1000) / run.wall).toFixed(2)

const difference = (ms: number, word = 'longer'): string =>
  `${Math.abs(ms).toFixed(0)} ms ${ms >= 0 ? word : word === 'later' ? 'earlier' : 'less'}`

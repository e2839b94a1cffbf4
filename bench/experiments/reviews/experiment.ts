// Experiment 1: 1,000 reviews, great or not.
import { availableParallelism } from 'node:os'
import { time } from '../../format.js'
import type { Arm } from '../arm.js'
import type { Column, Experiment } from '../experiment.js'
import { installGrpc } from '../grpc.js'
import { cache } from '../places.js'
import { runTool } from '../python-tool.js'
import { checks } from './checks.js'
import { explanation, introduction } from './words.js'

const cpus = availableParallelism()
const kWorkers = 2
/** A guess at the published comparison: 4,000 MB, where one process had 500 MB. */
const kManyWorkers = 8

/** Every arm has as many threads as there are CPUs, divided among its workers. */
function threads(workers: number): Record<string, string> {
  const each = String(Math.max(1, Math.floor(cpus / workers)))
  return {
    ISTHMUS_EXPERIMENT_THREADS: each,
    OMP_NUM_THREADS: each,
    OPENBLAS_NUM_THREADS: each,
    TOKENIZERS_PARALLELISM: 'false',
  }
}

const arm = (name: string, title: string, program: string, more: Partial<Arm> = {}): Arm => ({
  name,
  title,
  program: `reviews/${program}`,
  env: threads(1),
  ...more,
})
const ours = { ours: true } as const

const arms: readonly Arm[] = [
  arm('python', 'Python alone', 'python_single.py'),
  arm('python-batches', 'Python alone, batches of 32', 'python_single.py', { args: ['32'] }),
  arm('python-processes', `Python multiprocessing, ${kWorkers} models`, 'python_processes.py', {
    args: [String(kWorkers)],
    env: threads(kWorkers),
  }),
  arm(
    'python-processes-8',
    `Python multiprocessing, ${kManyWorkers} models`,
    'python_processes.py',
    {
      args: [String(kManyWorkers)],
      env: threads(kManyWorkers),
    },
  ),
  arm('fastapi', 'FastAPI, Node client', 'fastapi.js'),
  arm('grpc', 'gRPC, Node client', 'grpc.js'),
  arm('isthmus', 'Isthmus, a call per review', 'isthmus-single.js', ours),
  arm('isthmus-batches', 'Isthmus, batches of 32', 'isthmus-batches.js', ours),
  arm('isthmus-concurrent', 'Isthmus, 1,000 calls at once, batched', 'isthmus-concurrent.js', ours),
  arm('isthmus-pool', `Isthmus, pool of ${kWorkers}`, 'isthmus-pool.js', {
    ...ours,
    args: [String(kWorkers)],
    env: threads(kWorkers),
  }),
]

const ms = (value: number): string => time(value * 1e6)
const mb = (value: number): string => `${Math.round(value).toLocaleString('en-US')} MB`
const seconds = (value: number): string => `${value.toFixed(1)} s`

const wall: Column = { title: 'wall', value: run => run.wall, show: ms }
const cpu: Column = { title: 'CPU', value: run => run.cpu, show: seconds }
const memory: Column = { title: 'memory', value: run => run.memory?.pss, show: mb }
const columns: readonly Column[] = [
  wall,
  { title: 'first result', value: run => run.first, show: ms },
  cpu,
  memory,
]

export const reviews: Experiment = {
  name: 'reviews',
  title: 'Sentiment of 1,000 reviews',
  rounds: { quick: 1, full: 3 },
  limit: 180,
  arms,
  tables: [{ columns, labels: 'labels' }],
  charts: [
    { title: 'Sentiment of 1,000 reviews, with the same model', panels: [wall, cpu, memory] },
  ],
  async prepare({ quick }) {
    installGrpc()
    const folder = cache('reviews')
    const facts = await runTool('reviews/prepare.py', [folder, String(cpus)])
    return {
      env: {
        ISTHMUS_EXPERIMENT_FOLDER: folder,
        ISTHMUS_EXPERIMENT_COUNT: quick ? '100' : '1000',
      },
      facts: facts as Record<string, string | number>,
    }
  },
  checks,
  introduction,
  explanation,
}

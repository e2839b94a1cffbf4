// Experiment 2: will this customer leave? One row, or a thousand, from a client to a boosted model and back.
import { time, times } from '../../format.js'
import type { Arm, ArmRun } from '../arm.js'
import {
  type Check,
  type Column,
  type Experiment,
  type ExperimentResults,
  resultOf,
} from '../experiment.js'
import { installGrpc } from '../grpc.js'
import { cache } from '../places.js'
import { runTool } from '../python-tool.js'
import { explanation, introduction } from './words.js'

const program = 'churn/arm.js'
const arms: readonly Arm[] = [
  {
    name: 'here',
    title: 'no way at all: in the Python process',
    program,
    args: ['here', 'python'],
  },
  { name: 'fastapi-python', title: 'FastAPI, httpx', program, args: ['fastapi', 'python'] },
  { name: 'fastapi-node', title: 'FastAPI, undici in Node', program, args: ['fastapi', 'node'] },
  { name: 'grpc-python', title: 'gRPC, grpcio', program, args: ['grpc', 'python'] },
  { name: 'grpc-node', title: 'gRPC, grpc-js in Node', program, args: ['grpc', 'node'] },
  { name: 'isthmus', title: 'Isthmus', program, args: ['isthmus', 'node'], ours: true },
  {
    name: 'isthmus-gathered',
    title: 'Isthmus, single rows gathered',
    program,
    args: ['gathered', 'node'],
    ours: true,
  },
]
const rivals = [
  ['gRPC', 'grpc-python', 'grpc-node'],
  ['FastAPI', 'fastapi-python', 'fastapi-node'],
] as const

const figure =
  (name: string) =>
  ({ figures }: ArmRun): number | undefined =>
    figures[name]
const showUs = (us: number): string => time(us * 1000)
const showMs = (ms: number): string => time(ms * 1e6)
const us = (title: string, name: string): Column => ({ title, value: figure(name), show: showUs })
const ms = (title: string, name: string): Column => ({ title, value: figure(name), show: showMs })

const columns: readonly Column[] = [
  us('null model, 1 row, p50', 'null.one.p50'),
  us('p99', 'null.one.p99'),
  us('model, 1 row, p50', 'score.one.p50'),
  us('p99', 'score.one.p99'),
  us('null model, 1,000 rows, p50', 'null.many.p50'),
  us('p99', 'null.many.p99'),
  us('model, 1,000 rows, p50', 'score.many.p50'),
  us('p99', 'score.many.p99'),
  ms('client process, server is up', 'cold.ended'),
  ms('from nothing', 'scratch'),
]

/** Isthmus against the faster client of each rival. */
function checks(results: ExperimentResults): readonly Check[] {
  const value = (arm: string, name: string) => resultOf(results, arm)?.figures[name]
  const ratio = (claim: string, name: string, wanted: number): readonly Check[] =>
    rivals.flatMap(([title, ...clients]) => {
      const known = clients.map(client => value(client, name)).filter(us => us !== undefined)
      const ours = value('isthmus', name)
      if (known.length === 0 || ours === undefined) return []
      const theirs = Math.min(...known)
      const check = {
        claim: `${claim}: ${title} takes ${wanted > 1 ? `at least ${wanted} × as long` : 'longer'}`,
        found: `${times(theirs / ours)} (${showUs(theirs)} and ${showUs(ours)})`,
        met: theirs / ours >= wanted,
      }
      return [check]
    })
  return [
    ...ratio('null model, 1 row', 'null.one.p50', 40),
    ...ratio('model, 1 row', 'score.one.p50', 1),
    ...ratio('model, 1,000 rows', 'score.many.p50', 1),
  ]
}

export const churn: Experiment = {
  name: 'churn',
  title: 'Churn of telephone customers',
  rounds: { quick: 1, full: 5 },
  limit: 120,
  withoutMemory: true,
  arms,
  tables: [{ columns, labels: 'labels' }],
  charts: [
    {
      title: 'Churn: one row, warm calls, p50',
      panels: [
        { ...us('null model', 'null.one.p50'), logarithmic: true },
        { ...us('model', 'score.one.p50'), logarithmic: true },
      ],
    },
    {
      title: 'Churn: 1,000 rows, warm, p50, and a process that asks once',
      panels: [
        { ...us('1,000 rows', 'score.many.p50'), logarithmic: true },
        ms('client, server is up', 'cold.ended'),
        ms('from nothing', 'scratch'),
      ],
    },
  ],
  async prepare({ quick }) {
    installGrpc()
    const folder = cache('churn')
    const facts = (await runTool('churn/prepare.py', [folder])) as Record<string, string | number>
    return {
      env: {
        CHURN_DATA: folder,
        CHURN_SECONDS: quick ? '0.3' : '1',
        CHURN_COLD: quick ? '2' : '5',
        // One thread of arithmetic each for client and server, in every arm.
        OMP_NUM_THREADS: '1',
        OPENBLAS_NUM_THREADS: '1',
      },
      facts,
    }
  },
  checks,
  introduction,
  explanation,
}

// Experiment 3: a simulation in numpy, driven from Node, and in two processes over the same arrays.
import { bytes, time } from '../../format.js'
import type { Arm, ArmRun } from '../arm.js'
import type { Column, Experiment, Panel } from '../experiment.js'
import { cache } from '../places.js'
import { runTool } from '../python-tool.js'
import { checks, driving, parallel } from './checks.js'
import type { Plan } from './plan.js'
import { explanation, introduction } from './words.js'

const kMany = 1_000_000
const kFew = 100_000
const kWorkers = '2'

const plans = {
  full: [
    { particles: kMany, warm: 2, steps: 16, empty: 1000, emptySeconds: 1 },
    { particles: kFew, warm: 5, steps: 60, empty: 1000, emptySeconds: 1 },
  ],
  quick: [
    { particles: kMany, warm: 1, steps: 2, empty: 20, emptySeconds: 0.2 },
    { particles: kFew, warm: 1, steps: 5, empty: 50, emptySeconds: 0.2 },
  ],
} satisfies Record<string, readonly Plan[]>

/** Positions of the compiled step and of numpy's, in ranges of the force, after the steps of the plan. */
const kTolerance = 0.01

const drive = (name: string, particles: number, steps: number): Arm => ({
  part: driving,
  name,
  title: `${particles.toLocaleString('en-US')} particles`,
  program: 'simulation/driving.js',
  args: [particles, steps].map(String),
  ours: true,
})

const arm = (name: string, title: string, program: string, more: Partial<Arm> = {}): Arm => {
  const [file = '', ...args] = program.split(' ')
  return { part: parallel, name, title, program: `simulation/${file}`, args, ...more }
}
const ours = { ours: true } as const
const tolerance = { tolerance: kTolerance } as const

const arms: readonly Arm[] = [
  arm('alone', 'numpy, one process', 'alone.py step'),
  arm('pool-pickled', 'multiprocessing.Pool, pickled', `pickled.py pool ${kWorkers}`),
  arm('joblib-pickled', 'joblib, pickled', `pickled.py joblib ${kWorkers}`),
  arm('joblib-files', 'joblib, arguments as files', `pickled.py joblib-files ${kWorkers}`),
  arm('joblib-memmap', 'joblib, states in numpy.memmap', `shared.py joblib ${kWorkers}`),
  arm('shared-pool', 'shared_memory, Pool', `shared.py pool ${kWorkers}`),
  arm('shared-pipes', 'shared_memory, pipes by hand', `shared.py pipes ${kWorkers}`),
  arm('shared-semaphores', 'shared_memory, semaphores', `shared.py semaphores ${kWorkers}`),
  arm('isthmus', 'Isthmus, states as arguments', `isthmus.js step ${kWorkers}`, ours),
  arm('isthmus-kept', 'Isthmus, states kept in workers', `isthmus.js kept ${kWorkers}`, ours),
  arm('compiled', 'Numba, one process', 'alone.py compiled', tolerance),
  arm('isthmus-compiled', 'Isthmus, pool, Numba', `isthmus.js compiled ${kWorkers}`, {
    ...ours,
    ...tolerance,
  }),
  drive('driving-1m', kMany, 2),
  drive('driving-100k', kFew, 20),
]

const figure =
  (name: string) =>
  ({ figures }: ArmRun): number | undefined =>
    figures[name]
const showUs = (us: number): string => time(us * 1000)
const us = (title: string, name: string): Column => ({ title, value: figure(name), show: showUs })
const percent = (title: string, name: string): Column => ({
  title,
  value: figure(name),
  show: value => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(1)} %`,
  plain: true,
})
const copied = (name: string): Column => ({
  title: 'bytes copied',
  value: figure(name),
  show: value => (value === 0 ? '0' : bytes(value)),
  plain: true,
})

const distributed: readonly Column[] = [
  us('wall per step', `${kMany}.wall.p50`),
  { ...us('its physics', `${kMany}.physics.p50`), plain: true },
  us('overhead p50', `${kMany}.overhead.p50`),
  us('p90', `${kMany}.overhead.p90`),
  us('empty step p50', `${kMany}.empty.p50`),
  us('p90', `${kMany}.empty.p90`),
  us('100,000: wall per step', `${kFew}.wall.p50`),
  us('overhead p50', `${kFew}.overhead.p50`),
  copied(`${kMany}.copied`),
  { title: 'CPU', value: run => run.cpu, show: value => `${value.toFixed(1)} s` },
  {
    title: 'memory',
    value: run => run.memory?.pss,
    show: value => `${Math.round(value).toLocaleString('en-US')} MB`,
  },
]

const driven: readonly Column[] = [
  { ...us('plain Python, a step', 'plain'), plain: true },
  { ...us('driven from Node', 'driven'), plain: true },
  percent('driven over plain', 'driven.over'),
  percent('control: plain over plain', 'control.over'),
  percent('plain, malloc keeps memory, over plain', 'kept.over'),
  percent('driven over that', 'driven.kept'),
  { ...us('crossing p50', 'crossing.p50'), plain: true },
  { ...us('p90', 'crossing.p90'), plain: true },
  copied('copied'),
]

const bars = (title: string, name: string): Panel => us(title, `${kMany}.${name}`)

export const simulation: Experiment = {
  name: 'simulation',
  title: 'A simulation in numpy',
  rounds: { quick: 1, full: 5 },
  limit: 120,
  arms,
  tables: [
    {
      part: driving,
      title: '**Driving**: the loop in Python, and the same loop in Node.',
      columns: driven,
      labels: 'state',
    },
    {
      part: parallel,
      title:
        '**Parallel**: two blocks of each step in two processes; 1,000,000 particles unless it says otherwise.',
      columns: distributed,
      labels: 'state',
    },
  ],
  charts: [
    {
      title: 'How much longer the loop takes',
      part: driving,
      panels: [
        { ...percent('Node over Python', 'driven.over'), signed: true },
        { ...percent('Node over Python, memory kept', 'driven.kept'), signed: true },
        { ...percent('Python over Python', 'control.over'), signed: true },
      ],
    },
    {
      title: 'A step of 1,000,000 particles in two processes',
      part: parallel,
      panels: [
        bars('wall', 'wall.p50'),
        { ...bars('overhead', 'overhead.p50'), logarithmic: true },
        { ...bars('empty step', 'empty.p50'), logarithmic: true },
      ],
    },
  ],
  async prepare({ quick }) {
    const folder = cache('simulation')
    const plan = JSON.stringify(plans[quick ? 'quick' : 'full'])
    process.env.NUMBA_CACHE_DIR = cache('simulation', 'numba')
    const facts = await runTool('simulation/prepare.py', [folder, plan])
    return {
      env: {
        SIMULATION_FOLDER: folder,
        SIMULATION_PLAN: plan,
        SIMULATION_TURNS: quick ? '2' : '8',
        NUMBA_CACHE_DIR: cache('simulation', 'numba'),
        OMP_NUM_THREADS: '1',
        OPENBLAS_NUM_THREADS: '1',
      },
      facts: facts as Record<string, string | number>,
    }
  },
  checks,
  introduction,
  explanation,
}

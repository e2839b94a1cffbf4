// Runs one arm once, as a process tree that tree.py starts, watches and ends.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { python } from '../paths.js'
import type { Arm, ArmRun } from './arm.js'
import { cache, compiled, experimentPython, here, ownNode } from './places.js'

const kIntervalMs = 80
const kOutputShown = 4000

interface TreeReport {
  readonly start: number
  readonly ended: number
  readonly status: number
  readonly overdue: boolean
  readonly cpuSeconds: number
  readonly peakPssMb: number
  readonly parts: readonly (readonly [string, number])[]
  readonly samples: number
  readonly longestGapMs: number
  readonly samplerCpuSeconds: number
}

interface OwnReport {
  readonly marks: Readonly<Partial<Record<'ready' | 'first' | 'last', number>>>
  readonly labels: readonly string[]
  readonly figures: Readonly<Record<string, number>>
}

export interface Outcome {
  readonly run: ArmRun
  readonly labels: readonly string[]
}

const commandOf = ({ program, args = [] }: Arm): string[] =>
  program.endsWith('.py')
    ? [experimentPython, here(program), ...args]
    : [ownNode(), compiled(program), ...args]

export interface Circumstances {
  readonly env: Readonly<Record<string, string>>
  /** Seconds. */
  readonly limit: number
  /** Whether memory is. */
  readonly watched: boolean
}

export async function runArm(arm: Arm, { env, limit, watched }: Circumstances): Promise<Outcome> {
  const folder = cache('runs')
  const treeFile = join(folder, 'tree.json')
  const ownFile = join(folder, 'arm.json')
  for (const file of [treeFile, ownFile]) rmSync(file, { force: true })
  // The interpreter that watches is not the one that is measured.
  const interval = watched ? kIntervalMs : 0
  const watcher = [here('tree.py'), treeFile, String(interval), String(limit), '--']
  const child = spawn(python(), [...watcher, ...commandOf(arm)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      ISTHMUS_PYTHON: experimentPython,
      ...env,
      ...arm.env,
      ISTHMUS_ARM_REPORT: ownFile,
      PYTHONPATH: here(),
    },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      output = (output + data.toString()).slice(-kOutputShown)
    })
  await once(child, 'close')
  if (!existsSync(treeFile)) throw new Error(`${arm.name} was not measured\n${output}`)
  const tree = JSON.parse(readFileSync(treeFile, 'utf8')) as TreeReport
  if (tree.overdue) throw new Error(`${arm.name} was not done after ${limit} s\n${output}`)
  if (tree.status !== 0 || !existsSync(ownFile))
    throw new Error(`${arm.name} ended with ${tree.status} and without a report\n${output}`)
  const own = JSON.parse(readFileSync(ownFile, 'utf8')) as OwnReport
  const marks = Object.entries(own.marks).map(([name, at]) => [name, since(tree.start, at)])
  return {
    labels: own.labels,
    run: {
      wall: since(tree.start, tree.ended),
      ...(Object.fromEntries(marks) as Pick<ArmRun, 'ready' | 'first' | 'last'>),
      cpu: tree.cpuSeconds,
      ...(watched && {
        memory: {
          pss: tree.peakPssMb,
          parts: tree.parts.map(([name, mb]) => [name, Math.round(mb * 10) / 10] as const),
          samples: tree.samples,
          longestGap: tree.longestGapMs,
          cpu: tree.samplerCpuSeconds,
        },
      }),
      figures: own.figures,
    },
  }
}

/** Milliseconds between two moments in ns. */
const since = (start: number, at: number): number => (at - start) / 1e6

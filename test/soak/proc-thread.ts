// Reads /proc in a thread of its own: walking the pages of large mappings would hold up the calls that are measured.
import { parentPort } from 'node:worker_threads'
import {
  descriptorCount,
  memfdMb,
  type Residence,
  residence,
  tree,
} from '../../bench/process-tree.js'

/** Which processes belong together. */
export type Groups = Readonly<Record<string, readonly number[]>>

export interface GroupFigures extends Residence {
  readonly descriptors: number
}

export interface ProcFigures {
  readonly groups: Readonly<Record<string, GroupFigures>>
  /** Pages of all segments, each counted once, in MB. */
  readonly segments: number
  /** Node and everything it started. */
  readonly processes: number
}

const nothing: GroupFigures = { rss: 0, anon: 0, file: 0, shmem: 0, pss: 0, descriptors: 0 }

function sum(pids: readonly number[]): GroupFigures {
  const each = pids.map(pid => ({ ...residence(pid), descriptors: descriptorCount(pid) }))
  const keys = Object.keys(nothing) as (keyof GroupFigures)[]
  return Object.fromEntries(
    keys.map(key => [key, each.reduce((total, one) => total + one[key], 0)]),
  ) as unknown as GroupFigures
}

parentPort?.on('message', (groups: Groups) => {
  const processes = tree(process.pid)
  const figures: ProcFigures = {
    groups: Object.fromEntries(Object.entries(groups).map(([name, pids]) => [name, sum(pids)])),
    segments: memfdMb(processes),
    processes: processes.length,
  }
  parentPort!.postMessage(figures)
  // Its heap is private memory of Node's too, and would grow for minutes before V8 saw a reason to collect.
  globalThis.gc!()
})

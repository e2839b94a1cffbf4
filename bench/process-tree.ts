// CPU time and memory of this process and everything it started, from /proc.
import { readdirSync, readFileSync } from 'node:fs'

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // the process or thread has ended meanwhile
  }
}

function threads(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

function tree(pid: number): number[] {
  const children = threads(pid).flatMap(thread =>
    read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
  )
  return [pid, ...children.flatMap(tree)]
}

/**
 * CPU time in ms of all threads of all processes. From schedstat, which counts in ns: the ticks of
 * /proc/pid/stat are 10 ms, as much as an idle bridge may use altogether.
 */
export function treeCpuMs(): number {
  let ns = 0
  for (const pid of tree(process.pid)) {
    for (const thread of threads(pid))
      ns += Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0] ?? 0)
  }
  return ns / 1e6
}

/** Resident memory in MB, summed over processes: a page that two of them map counts twice. */
export function treeRssMb(): number {
  return tree(process.pid).reduce((sum, pid) => sum + rssMb(pid), 0)
}

/** Processes: this one and everything it started. */
export const treeSize = (root: number): number => tree(root).length

export const rssMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1024

/**
 * Memory in MB that a process and everything it started need. Private pages and files by share (a page that
 * n processes map counts 1/n in each); shared memory as the system counts it, because what nobody maps at the
 * moment, such as a file in /dev/shm, is taken all the same. So other programs must not use any meanwhile.
 */
export function treeMemoryMb(root: number): number {
  let kb = shmemMb() * 1024
  for (const pid of tree(root)) {
    const rollup = read(`/proc/${pid}/smaps_rollup`)
    for (const [, share] of rollup.matchAll(/^Pss_(?:Anon|File):\s+(\d+)/gm)) kb += Number(share)
  }
  return kb / 1024
}

/** Shared memory of the whole system in MB: memfds and /dev/shm. */
export const shmemMb = (): number =>
  Number(/^Shmem:\s+(\d+)/m.exec(read('/proc/meminfo'))?.[1] ?? 0) / 1024

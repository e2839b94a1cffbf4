// CPU time and memory of this process and everything it started, from /proc.
import { readdirSync, readFileSync, readlinkSync, statfsSync, statSync } from 'node:fs'

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // the process or thread has ended meanwhile
  }
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

const threads = (pid: number): string[] => entries(`/proc/${pid}/task`)

/** A process and everything it started, but for one of these and what that started. */
export function tree(pid: number, except?: number): number[] {
  if (pid === except) return []
  const children = threads(pid).flatMap(thread =>
    read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
  )
  return [pid, ...children.flatMap(child => tree(child, except))]
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

/** Open descriptors; 0 when the process has ended. */
export const descriptorCount = (pid: number): number => entries(`/proc/${pid}/fd`).length

export interface Residence {
  /** MB. Resident; of that private, from files, shared memory. Proportional: a page of n processes counts 1/n. */
  readonly rss: number
  readonly anon: number
  readonly file: number
  readonly shmem: number
  readonly pss: number
}

/** What of a process's memory is resident. proc(5) explains the fields. */
export function residence(pid: number): Residence {
  const text = read(`/proc/${pid}/status`) + read(`/proc/${pid}/smaps_rollup`)
  const mb = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0) / 1024
  return {
    rss: mb('VmRSS'),
    anon: mb('RssAnon'),
    file: mb('RssFile'),
    shmem: mb('RssShmem'),
    pss: mb('Pss'),
  }
}

export const rssMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1024

/** Pages of memfds, by the inode: one that several processes hold counts once. */
function memfdBytes(pid: number): [inode: number, bytes: number][] {
  const folder = `/proc/${pid}/fd`
  return entries(folder).flatMap((fd): [number, number][] => {
    try {
      if (!readlinkSync(`${folder}/${fd}`).startsWith('/memfd:')) return []
      const { ino, blocks } = statSync(`${folder}/${fd}`)
      return [[ino, blocks * 512]]
    } catch {
      return [] // closed meanwhile
    }
  })
}

/** Pages of all memfds that processes hold, in MB. */
export function memfdMb(pids: readonly number[]): number {
  const memfds = new Map(pids.flatMap(memfdBytes))
  return [...memfds.values()].reduce((sum, one) => sum + one, 0) / 2 ** 20
}

/** Files in /dev/shm, in MB, whoever made them. */
export function devShmMb(): number {
  const { blocks, bfree, bsize } = statfsSync('/dev/shm')
  return ((blocks - bfree) * bsize) / 2 ** 20
}

/** Shared memory in MB that exists: memfds of a process and what it started, and all of /dev/shm. */
export const treeShmemMb = (root: number): number => memfdMb(tree(root)) + devShmMb()

/**
 * Memory in MB that a process and everything it started need. Private pages and files by share (a page that
 * n processes map counts 1/n in each); shared memory as it exists, because what nobody maps at the moment,
 * such as a file in /dev/shm, is taken all the same.
 */
export function treeMemoryMb(root: number, except?: number): number {
  const pids = tree(root, except)
  let kb = 0
  for (const pid of pids) {
    const rollup = read(`/proc/${pid}/smaps_rollup`)
    for (const [, share] of rollup.matchAll(/^Pss_(?:Anon|File):\s+(\d+)/gm)) kb += Number(share)
  }
  return kb / 1024 + memfdMb(pids) + devShmMb()
}

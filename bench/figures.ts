// The named figures that cases report, in the order of their columns.
import { digits, time, times } from './format.js'

const milliseconds = (value: number): string => `${digits(value)} ms`
const megabytes = (value: number): string => `${digits(value)} MB`

export interface Figure {
  readonly title: string
  readonly show: (value: number) => string
  /** Contenders are compared by it; so the result has a ratio with an interval for it. */
  readonly better?: 'more' | 'less'
}

export const figures: Readonly<Record<string, Figure>> = {
  callsPerSecond: { title: 'calls/s', show: digits, better: 'more' },
  computedPerSecond: { title: 'of 1 ms/s', show: digits, better: 'more' },
  cpuSecondsPerMillion: {
    title: 'CPU of 1M calls',
    show: value => `${digits(value)} s`,
    better: 'less',
  },
  hotNs: { title: 'awake, p50', show: time },
  firstBlockNs: { title: 'first ones, p50', show: time },
  usedAgainNs: { title: 'again, p50', show: time },
  startedMb: { title: 'started', show: megabytes },
  peakMb: { title: 'peak', show: megabytes, better: 'less' },
  openMs: { title: 'all opened', show: milliseconds },
  bridgeMb: { title: 'memory of each', show: megabytes },
  copiedBytesPerCall: { title: 'copied B/call', show: digits },
  batchSize: { title: 'rows of a batch', show: digits },
  plainNs: { title: 'without the decorator', show: time },
  addedNs: { title: 'added', show: time },
  itemsPerSecond: { title: 'items/s', show: digits, better: 'more' },
  copiedBytesPerItem: { title: 'copied B/item', show: digits },
  smallCallNs: { title: 'a small call', show: time },
  perSmallCall: { title: 'callback / small call', show: times },
  frames: { title: 'frames', show: digits },
  slowerBy: { title: 'slower by', show: times },
  nodeGrowthMb: { title: 'growth of RSS, Node', show: megabytes },
  pythonGrowthMb: { title: 'Python', show: megabytes },
  shmemGrowthMb: { title: 'of Shmem', show: megabytes },
  aborts: { title: 'aborts', show: digits },
  neighbourCalls: { title: "neighbours' calls, right", show: digits },
  fulfilled: { title: 'fulfilled', show: digits },
  aborted: { title: 'rejected', show: digits },
  unsettled: { title: 'unsettled', show: digits },
  pending: { title: 'pending after', show: digits },
  calls: { title: 'calls', show: digits },
  kills: { title: 'kills', show: digits },
  right: { title: 'right results', show: digits },
  lost: { title: 'rejected', show: digits },
  workersReady: { title: 'workers after', show: digits },
  leases: { title: 'leases after', show: digits },
  borrowedBlocks: { title: 'tensors after', show: digits },
  files: { title: 'descriptors left', show: digits },
  processesLeft: { title: 'processes left', show: digits },
  shmemLeftMb: { title: 'Shmem left', show: megabytes },
  extraMb: { title: 'memory beyond the array', show: megabytes, better: 'less' },
  startMs: { title: 'start of the pool', show: milliseconds },
  idleCpuMs: { title: 'CPU', show: milliseconds },
  results: { title: 'results', show: digits },
  markCompacts: { title: 'mark-compacts', show: digits },
  rssBeforeMb: { title: 'RSS before', show: megabytes },
  rssAfterMb: { title: 'RSS after', show: megabytes },
  rssMaxMb: { title: 'RSS max', show: megabytes },
}

// What is still there after everything was closed, held against what was there before.
import { tree } from '../../bench/process-tree.js'
import { descriptorsOf, mappingsOf, segmentsOf } from '../fixtures/processes.js'
import { until } from '../fixtures/watchdog.js'
import type { Target } from './target.js'

const mapped = () => mappingsOf('self').filter(line => line.includes('memfd:isthmus')).length

/** Descriptors of Node by what they are. */
const descriptors = () => [...descriptorsOf('self').values()].map(kindOf).sort()

/** `socket:[123]` is a socket like any. */
const kindOf = (link: string) => link.replace(/:\[\d+\]$/, '')

export const before = descriptors

/** A turn for finalizers, after a collection. */
async function collect(): Promise<void> {
  globalThis.gc!()
  await new Promise(resolve => setImmediate(resolve))
}

/** Waits until nobody holds anything of this target, its workers still running. @throws when they go on holding it */
export async function released(target: Target): Promise<void> {
  const { py, name } = target
  const state = () => ({ name, logged: target.logged, heard: target.heard, ...py.stats() })
  const ask = (f: string) => ('broadcast' in py ? py.broadcast(f) : Promise.all([py.call(f)]))
  await until(
    `${name} holds nothing`,
    async () => {
      await collect()
      const unfinished = await ask('unfinished')
      const stats = py.stats()
      const held = [
        stats.leases,
        stats.ownBlocks,
        stats.borrowedBlocks,
        stats.views,
        target.pending,
      ]
      return [...held, ...(unfinished as number[])].every(count => count === 0)
    },
    state,
  )
  // Records come before the answer of the call that wrote them. A killed worker takes some with it.
  const lost = target.logged - target.heard
  if (name !== 'fragile' && lost !== 0) throw new Error(`${name}: ${lost} log records were lost`)
  if (target.restarts !== target.exits || target.exits > target.kills)
    throw new Error(
      `${name}: ${target.kills} workers were killed, ${target.exits} ended, ${target.restarts} came in their place`,
    )
}

/** Waits until Node is as it was. @throws when something stays */
export async function nothingLeft(wanted: readonly string[]): Promise<void> {
  const found = () => ({
    segments: segmentsOf('self').length,
    mapped: mapped(),
    processes: tree(process.pid).length - 1,
    more: moreThan(descriptors(), wanted),
  })
  await until(
    'nothing is left',
    async () => {
      await collect()
      const { segments, mapped, processes, more } = found()
      return segments + mapped + processes + more.length === 0
    },
    found,
  )
}

function moreThan(found: readonly string[], wanted: readonly string[]): string[] {
  const left = [...wanted]
  return found.filter(each => {
    const at = left.indexOf(each)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}

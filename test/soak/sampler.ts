// Once a second: memory, descriptors, leases, and what was done.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Load } from './load.js'
import type { Groups, ProcFigures } from './proc-thread.js'
import type { Target } from './target.js'

/** One number per second and series. */
export type Sample = Readonly<Record<string, number>>

/** These live as long as the soak. */
const lasting = ['steady', 'threaded', 'plain'] as const

export class Sampler {
  readonly samples: Sample[] = []
  readonly #load: Load
  readonly #start: number
  readonly #thread = new Worker(new URL('./proc-thread.js', import.meta.url))

  constructor(load: Load, start: number) {
    this.#load = load
    this.#start = start
  }

  async sample(): Promise<Sample> {
    const { targets } = this.#load
    const groups: Groups = {
      node: [process.pid],
      ...Object.fromEntries(lasting.map(name => [name, named(targets, name).pids])),
    }
    this.#thread.postMessage(groups)
    const [proc] = (await once(this.#thread, 'message')) as [ProcFigures]
    const sample = {
      at: (performance.now() - this.#start) / 1000,
      ...heap(),
      ...ofGroups(proc),
      segments: proc.segments,
      processes: proc.processes,
      ...held(targets),
      acts: this.#load.checked,
      megabytes: this.#load.bytes / 2 ** 20,
      kills: named(targets, 'fragile').kills,
      restarts: named(targets, 'fragile').restarts,
      visits: this.#load.visits,
    }
    this.samples.push(sample)
    return sample
  }

  async stop(): Promise<void> {
    await this.#thread.terminate()
  }
}

const named = (targets: readonly Target[], name: string): Target =>
  targets.find(target => target.name === name)!

function heap() {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  const mb = (bytes: number) => bytes / 2 ** 20
  return {
    'node.heap': mb(heapUsed),
    'node.external': mb(external),
    'node.arrayBuffers': mb(arrayBuffers),
  }
}

const ofGroups = ({ groups }: ProcFigures): Sample =>
  Object.fromEntries(
    Object.entries(groups).flatMap(([group, { anon, file, ...others }]) => {
      const figures = { ...others, private: anon, file }
      return Object.entries(figures).map(([name, value]) => [`${group}.${name}`, value])
    }),
  )

/** What bridges and pools say that they hold, together. */
function held(targets: readonly Target[]) {
  const stats = targets.map(({ py }) => py.stats())
  const sum = (figure: (each: (typeof stats)[number]) => number) =>
    stats.reduce((total, each) => total + figure(each), 0)
  return {
    leases: sum(each => each.leases),
    ownBlocks: sum(each => each.ownBlocks),
    borrowedBlocks: sum(each => each.borrowedBlocks),
    views: sum(each => each.views),
    physicalMb: sum(each => each.physicalBytes) / 2 ** 20,
    pending: targets.reduce((total, { pending }) => total + pending, 0),
  }
}

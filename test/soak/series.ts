// What is judged for a trend, in which unit, and by how much it may grow in an hour.
//
// The allowance is what ten minutes can tell apart from noise: 32 MB an hour are 9 KB a second, some ten bytes for every
// act; 6 descriptors an hour are one in ten minutes.

export interface Series {
  /** The name of the sample's figure. */
  readonly key: string
  readonly name: string
  readonly unit: 'MB' | ''
  /** Per hour. */
  readonly allowed: number
}

const memory = (key: string, name: string): Series => ({ key, name, unit: 'MB', allowed: 32 })
const count = (key: string, name: string): Series => ({ key, name, unit: '', allowed: 6 })

export const judged: readonly Series[] = [
  memory('node.rss', 'Node: resident'),
  memory('node.private', 'Node: private'),
  memory('node.heap', 'Node: V8 heap in use'),
  memory('node.external', 'Node: V8 external'),
  memory('steady.rss', 'pool, 2 workers: resident'),
  memory('steady.private', 'pool, 2 workers: private'),
  memory('threaded.rss', 'worker with threads: resident'),
  memory('threaded.private', 'worker with threads: private'),
  memory('plain.rss', 'plain worker: resident'),
  memory('plain.private', 'plain worker: private'),
  memory('segments', 'shared memory'),
  count('node.descriptors', 'Node: descriptors'),
  count('steady.descriptors', 'pool, 2 workers: descriptors'),
  count('threaded.descriptors', 'worker with threads: descriptors'),
  count('plain.descriptors', 'plain worker: descriptors'),
  count('leases', 'leases'),
  count('ownBlocks', "blocks of Node's"),
  count('borrowedBlocks', "blocks of Python's in Node"),
  count('pending', 'pending calls'),
  count('processes', 'processes'),
]

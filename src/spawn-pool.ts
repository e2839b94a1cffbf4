import { Memory } from './memory.js'
import { native } from './native.js'
import { Pool } from './pool.js'
import { type PoolOptions, resolvePoolOptions } from './pool-options.js'
import { prepareStart, type Target } from './spawn.js'
import { threadCounts } from './thread-counts.js'
import { automaticSpin, Worker } from './worker.js'

/**
 * Starts several Python processes that serve the same module, and resolves when all of them have imported it.
 *
 * ```ts
 * await using py = await pool('./model.py', { workers: 4 })
 * const states = py.tensor('float64', [1_000_000, 3])
 * await py.map('step', states, { into: states })
 * ```
 * @param target as for `spawn()`
 * @throws StartError of the first worker that cannot be started; the others are ended then; OptionError, SystemError
 */
export async function pool(target: Target, options?: PoolOptions): Promise<Pool> {
  const settings = resolvePoolOptions(options)
  const { executable, served, env: given, watched } = prepareStart('pool()', target, settings)
  const cpus = native.usableCpus()
  const workers = settings.workers ?? cpus
  const env = { ...threadCounts(workers, cpus, given), ...given }
  // What has to wait does so in the pool, for whichever worker is free first, and never for one of them.
  const spin = settings.spin === 'auto' ? automaticSpin(workers) : settings.spin
  const each = { ...settings, env, spin, maxQueue: Infinity, timed: true }
  const memory = new Memory(settings)
  const made = new Pool(
    memory,
    workers,
    settings,
    events => new Worker(executable, served, each, memory, events),
  )
  await made.start(watched)
  return made
}

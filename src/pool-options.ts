import { checked, closeChecks, poolChecks } from './option-checks.js'
import type { ResolvedOptions, SpawnOptions } from './options.js'
import type { CloseOptions } from './supervisor.js'

export interface PoolOptions extends SpawnOptions {
  /** Python processes, from 1 to 4096. Default: the CPUs that this process may use. */
  readonly workers?: number
  /**
   * Calls that one worker has at a time; further ones wait in Node, for whichever worker is free first. More than
   * `threads` hides the way of the next call behind the running one. `async def` functions do not count. Default: `threads`.
   */
  readonly concurrency?: number
}

export interface ResolvedPoolOptions extends ResolvedOptions {
  readonly workers: number | undefined
  readonly concurrency: number | undefined
}

/** @throws OptionError */
export const resolvePoolOptions = (options: PoolOptions = {}): ResolvedPoolOptions =>
  checked('pool()', options, poolChecks)

/** @throws OptionError */
export const resolveCloseOptions = (options: CloseOptions = {}): Required<CloseOptions> =>
  checked('close()', options, closeChecks)

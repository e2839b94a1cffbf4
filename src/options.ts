import { callChecks, checked, spawnChecks } from './option-checks.js'
import type { ResolvedRestart, RestartOptions } from './restart.js'

/** What becomes of a stream that the Python process writes. */
export type StreamOption = 'inherit' | 'ignore' | 'events'

export interface SpawnOptions {
  /** Interpreter: a path, or a name on PATH. Default: searched (ISTHMUS_PYTHON, active venv or conda, `.venv`/`venv` upwards, `python3`). */
  readonly python?: string
  /** Working directory of the Python process. Default: this process's. */
  readonly cwd?: string
  /** Added to this process's environment variables; `undefined` removes one. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** `inherit`: passed through line by line, and emitted as events. `events`: only emitted. `ignore`: neither. Default `inherit`. */
  readonly stdout?: StreamOption
  /** As `stdout`. The last lines are kept for error messages in any case. */
  readonly stderr?: StreamOption
  /** Milliseconds until the worker must be ready, its module imported. 0: as long as it takes. Default 0. */
  readonly startTimeout?: number
  /** Milliseconds after which a call rejects, unless the call says otherwise. 0: never. Default 0. */
  readonly timeout?: number
  /** Calls sent to the worker and not answered yet, streams that have begun apart; further ones wait here. At least 1. Default 1024. */
  readonly window?: number
  /**
   * Calls that may wait beyond the window before `call()` rejects with ERR_QUEUE_FULL; of a function that takes batches,
   * items that may wait. 0: none waits. Default Infinity.
   */
  readonly maxQueue?: number
  /** Bytes of the ring in each direction: a power of two from 4 KiB to 1 GiB. Default 1 MiB. */
  readonly ringBytes?: number | string
  /** Limit of shared memory in use, in bytes or as '512MiB', '2GB'. 0 is refused. Default: a share of memory or of the cgroup's limit. */
  readonly memory?: number | string
  /** Address space of each arena, in bytes or as '16GiB'. Pages count only once used. 0 is refused. Default: 64 GiB or what the system allows. */
  readonly arena?: number | string
  /** Freed memory that is kept for reuse instead of being given back to the system, in bytes or as '256MiB'. 0: none. Default: a share of `memory`. */
  readonly retain?: number | string
  /** Shared memory that is touched at the start, in bytes or as '1GiB', so that first use costs nothing. 0: none. Default 0. */
  readonly prefault?: number | string
  /** Microseconds for which an idle side polls before it sleeps. 0: never polls. `auto`: 50 to 100 if there are enough CPUs, else 0. Default `auto`. */
  readonly spin?: number | 'auto'
  /** Threads on which plain functions run. 1: one after another, on the main thread of the process. Default 1. */
  readonly threads?: number
  /** Whether `dispose()` detaches `data`, so that a stale view has length 0. Default true. */
  readonly detach?: boolean
  /** Whether a worker that has ended is started again, and how often. Default of spawn() false, of pool() true. */
  readonly restart?: boolean | RestartOptions
  /** true: a change of Python source in the script's folder starts a new worker, which replaces the old one when it is ready. Default false. */
  readonly watch?: boolean
}

/** Options with defaults, sizes in bytes. `undefined`: the native side decides. */
export interface ResolvedOptions {
  readonly python: string | undefined
  readonly cwd: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: StreamOption
  readonly stderr: StreamOption
  readonly startTimeout: number
  readonly timeout: number
  readonly window: number
  readonly maxQueue: number
  readonly ringBytes: number
  readonly memory: number | undefined
  readonly arena: number | undefined
  readonly retain: number | undefined
  readonly prefault: number
  readonly spin: number | 'auto'
  readonly threads: number
  readonly detach: boolean
  readonly restart: false | ResolvedRestart
  readonly watch: boolean
}

export interface CallOptions {
  /** Rejects the call with ERR_ABORTED when it aborts. Python is told, then interrupted: docs/cancellation.md. */
  readonly signal?: AbortSignal
  /** Milliseconds after which the call rejects with ERR_TIMEOUT, as an abort does. 0: never. Default: the `timeout` of spawn(); for a stream 0. */
  readonly timeout?: number
  /** Called with what Python says with `isthmus.progress(fraction, text)`. */
  readonly onProgress?: (fraction: number, text: string | undefined) => void
  /**
   * Milliseconds between telling Python that the call was aborted or timed out, and interrupting what runs for it with
   * `isthmus.Cancelled`; false: never. Default 20.
   */
  readonly interrupt?: number | false
  /** Kills the worker if the call still runs so many milliseconds after it was aborted or timed out; true: 1000. Default: never. */
  readonly kill?: boolean | number
  /** Items by which the generator of a stream may be ahead of its reader, from 1 to 65536. Default 8, and 64 once the first was read if none is larger than 1 MB. */
  readonly window?: number
  /** Calls of a pool with the same text or number go to the same worker, as long as it is not down. A bridge has only one. */
  readonly affinity?: string | number
}

export interface ResolvedCallOptions {
  readonly signal: AbortSignal | undefined
  readonly timeout: number | undefined
  readonly onProgress: ((fraction: number, text: string | undefined) => void) | undefined
  readonly interrupt: number | false | undefined
  readonly kill: number | undefined
  readonly window: number | undefined
  readonly affinity: string | number | undefined
}

export const noCallOptions: ResolvedCallOptions = {
  signal: undefined,
  timeout: undefined,
  onProgress: undefined,
  interrupt: undefined,
  kill: undefined,
  window: undefined,
  affinity: undefined,
}

/** @throws OptionError */
export const resolveOptions = (options: SpawnOptions = {}): ResolvedOptions =>
  checked('spawn()', options, spawnChecks)

/** @throws OptionError */
export const resolveCallOptions = (options: CallOptions = {}): ResolvedCallOptions =>
  checked('with()', options, callChecks)

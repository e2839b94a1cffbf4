// Who is asked during the soak: bridges and pools, and what their workers' deaths excuse.
import {
  type Bridge,
  type Pool,
  pool,
  type SpawnOptions,
  spawn,
  type WorkerExitedError,
} from 'isthmus'

/** What both have, and the soak uses. */
export type Py = Bridge | Pool

export const script = new URL('./load.py', import.meta.url)

/** What they print and log is only counted. */
const quiet: SpawnOptions = {
  stdout: 'events',
  stderr: 'events',
  memory: '3GiB',
  // With the default, a quarter of that in each arena, ten minutes might be too short to reach what stays.
  retain: '64MiB',
}
const restart = { delay: 10, maxDelay: 200, window: 100, limit: Infinity }

/** `steady`, `threaded` and `plain` live for the whole soak, so that what they lose would add up. */
export type TargetName = 'steady' | 'fragile' | 'threaded' | 'plain'

export class Target {
  readonly name: TargetName
  readonly py: Py
  /** Records of logging that calls have made, and that have arrived. */
  logged = 0
  heard = 0
  /** Workers that were killed, by us or for a call of ours; that have ended; that came in their place. */
  kills = 0
  exits = 0
  restarts = 0

  private constructor(name: TargetName, py: Py) {
    this.name = name
    this.py = py
    const emitter = py as Bridge
    emitter.on('log', () => this.heard++)
    emitter.on('exit', () => this.exits++)
    emitter.on('restart', () => this.restarts++)
  }

  static async start(name: TargetName): Promise<Target> {
    return new Target(name, await starters[name]())
  }

  /** Whether an act may fail so: its worker was killed. */
  excuses(error: unknown): boolean {
    if (this.name !== 'fragile' || !(error instanceof Error)) return false
    const { code, signal } = error as Partial<WorkerExitedError>
    return (
      (code === 'ERR_WORKER_EXITED' && signal === 'SIGKILL') ||
      (code as string) === 'ERR_OBJECT_GONE'
    )
  }

  get pids(): number[] {
    const stats = this.py.stats()
    return 'workers' in stats ? stats.workers.map(({ pid }) => pid) : [(this.py as Bridge).pid]
  }

  /** Calls that were made and not answered. */
  get pending(): number {
    const stats = this.py.stats()
    return 'workers' in stats
      ? stats.workers.reduce((sum, { busy }) => sum + busy, stats.queued)
      : stats.pending
  }
}

const starters: Record<TargetName, () => Promise<Py>> = {
  /** Tensors that one worker made go to the other one; maps. */
  steady: () => pool(script, { ...quiet, workers: 2 }),
  /** Its workers are killed again and again. */
  fragile: () => pool(script, { ...quiet, workers: 2, restart }),
  /** Functions of Node that call it back; coroutines. */
  threaded: () => spawn(script, { ...quiet, threads: 2 }),
  /** No call here ends only when the event loop goes on, so `callSync()` may wait for any of them. */
  plain: () => spawn(script, quiet),
}

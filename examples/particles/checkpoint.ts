/**
 * A folder of states: `state-00000100.npy` after every so many steps, and `checkpoint.json`, which names the newest
 * and says what else is needed to go on. A file gets its name when it is whole, so an interrupted write leaves the
 * last good checkpoint as it was.
 */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { EnergyHistory, KeptHistory } from './energy-history.js'
import { NpyError, readNpy, writeNpy } from './npy.js'
import type { Run } from './options.js'
import type { Held, Kept } from './simulation.js'

/** A checkpoint cannot be written or read; `message` is one line that says why, and what can be done. */
export class CheckpointError extends Error {
  readonly code = 'CHECKPOINT'
}

/** What `checkpoint.json` says. */
export interface Checkpoint {
  run: Run
  step: number
  energies: { kinetic: number; potential: number }
  history: KeptHistory
  /** The file of the state in the same folder, and the SHA-256 of its array. */
  state: string
  sha256: string
}

const FORMAT = 'isthmus particles'
const VERSION = 1
const INDEX = 'checkpoint.json'
const PARTIAL = '.partial'

/** Where a run saves its states, one at a time, while it goes on. */
export class Checkpoints {
  readonly folder: string
  /** The step that can be resumed from. */
  saved: number | undefined
  files = 0
  readonly #run: Run
  #writing: Promise<void> = Promise.resolve()

  private constructor(folder: string, run: Run, saved: number | undefined) {
    this.folder = folder
    this.#run = run
    this.saved = saved
  }

  /** @param resumed the step that the folder's own checkpoint was resumed from */
  static async open(folder: string, run: Run, resumed?: number): Promise<Checkpoints> {
    const names = await describing(`cannot use the folder ${folder}`, async () => {
      // Not recursive: below /proc, Node 20 would try for ever.
      await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error
      })
      return readdir(folder)
    })
    if (resumed === undefined && names.includes(INDEX))
      throw new CheckpointError(
        `${folder} holds a run already: go on with --resume ${folder}, or name another folder`,
      )
    for (const name of names.filter(name => name.endsWith(PARTIAL))) await rm(join(folder, name))
    return new Checkpoints(folder, run, resumed)
  }

  /**
   * Begins to write a state, when the last one is written. Releases it when it is written itself.
   * @throws CheckpointError if the last one could not be written
   */
  async save(state: Held, history: EnergyHistory): Promise<void> {
    const kept = structuredClone(history.toJSON())
    try {
      await this.#writing
    } catch (error) {
      state.release()
      throw error
    }
    this.#writing = this.#write(state, kept).finally(() => state.release())
    // Whoever saves next, or finishes, hears of it.
    this.#writing.catch(() => {})
  }

  /** @throws CheckpointError if the last state could not be written */
  finish(): Promise<void> {
    return this.#writing
  }

  async #write(state: Held, history: KeptHistory): Promise<void> {
    const { step, particles, planes } = state
    const { kinetic, potential } = state.energies
    const name = `state-${String(step).padStart(8, '0')}.npy`
    const before =
      this.saved === undefined ? 'nothing was saved' : `step ${this.saved} is saved, and intact`
    await describing(`cannot save step ${step} to ${this.folder} (${before})`, async () => {
      const sha256 = await whole(join(this.folder, name), file =>
        writeNpy(file, [3, particles, 2], planes),
      )
      const energies = { kinetic, potential }
      const checkpoint: Checkpoint = {
        run: this.#run,
        step,
        energies,
        history,
        state: name,
        sha256,
      }
      const text = JSON.stringify({ format: FORMAT, version: VERSION, ...checkpoint })
      await whole(join(this.folder, INDEX), file => file.writeFile(`${text}\n`))
    })
    this.saved = step
    this.files++
  }
}

/** Writes a file under another name, and gives it its own when its bytes are on the disk. */
async function whole<T>(
  path: string,
  write: (file: Awaited<ReturnType<typeof open>>) => Promise<T>,
): Promise<T> {
  const partial = path + PARTIAL
  try {
    const file = await open(partial, 'w')
    let result: T
    try {
      result = await write(file)
      await file.datasync()
    } finally {
      await file.close()
    }
    await rename(partial, path)
    await syncFolder(dirname(path))
    return result
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
}

/** Names are on the disk, in the order in which they were given: after a power failure, too. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** @throws CheckpointError if the folder holds none, or it is damaged */
export async function readCheckpoint(folder: string): Promise<Checkpoint> {
  const path = join(folder, INDEX)
  const text = await describing(`cannot resume from ${folder}`, () => readFile(path, 'utf8'))
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw damaged(path, 'is not JSON')
  }
  if (!isObject(value) || value.format !== FORMAT)
    throw damaged(path, 'is not a checkpoint of this simulation')
  if (value.version !== VERSION)
    throw damaged(path, `has version ${value.version} of the format, not ${VERSION}`)
  if (!isCheckpoint(value)) throw damaged(path, 'lacks what is needed to go on')
  return value
}

/** The state of a checkpoint, for `Simulation.open`. */
export function stateOf(folder: string, checkpoint: Checkpoint): Kept {
  const { step, energies, state, sha256, run } = checkpoint
  const path = join(folder, state)
  return {
    step,
    energies: { ...energies, seconds: 0 },
    read: into =>
      describing(`cannot resume from ${path}`, async () => {
        const found = await readNpy(path, [3, run.particles, 2], into).catch(error => {
          throw error instanceof NpyError ? damaged(path, error.message) : error
        })
        if (found !== sha256) throw damaged(path, `has changed since ${INDEX} was written`)
      }),
  }
}

const damaged = (path: string, how: string) =>
  new CheckpointError(`cannot resume: ${path} ${how}; another saved state is not touched`)

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

const areNumbers = (value: unknown, names: readonly string[]) =>
  isObject(value) && names.every(name => Number.isFinite(value[name]))

function isCheckpoint(
  value: Record<string, unknown>,
): value is Record<string, unknown> & Checkpoint {
  const { run, energies, history, state, sha256 } = value
  return (
    areNumbers(run, ['particles', 'steps', 'dt', 'seed', 'temperature', 'swirl', 'every']) &&
    areNumbers(value, ['step']) &&
    areNumbers(energies, ['kinetic', 'potential']) &&
    areNumbers(history, ['stride']) &&
    isObject(history) &&
    Array.isArray(history.samples) &&
    history.samples.every(sample => areNumbers(sample, ['step', 'kinetic', 'potential'])) &&
    typeof state === 'string' &&
    /^state-\d+\.npy$/.test(state) &&
    typeof sha256 === 'string'
  )
}

/** Errors of the file system, in words. */
async function describing<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (error instanceof CheckpointError || !(code in REASONS)) throw error
    throw new CheckpointError(`${what}: ${REASONS[code]}`, { cause: error })
  }
}

const REASONS: Record<string, string> = {
  ENOSPC: 'the disk is full; make room, then go on with --resume',
  EDQUOT: 'your quota of the disk is used up; make room, then go on with --resume',
  EFBIG: 'the file would be larger than is allowed; raise the limit, then go on with --resume',
  EIO: 'the disk reports an error',
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'it is not a folder',
  EEXIST: 'there is a file of that name',
  EISDIR: 'there is a folder of that name',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EROFS: 'the disk is read-only',
}

// Sums of one large array by row chunks in two processes: what the case `reduce` asks of its contenders.
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { CellContext } from '../cases/case.js'
import { type PythonProcess, startPython } from './python-process.js'

export const kRows = 4096
export const kWorkers = 2

export interface Sum {
  readonly value: number
  readonly ns: number
}

export interface Reducer {
  /** The process whose tree holds all memory of this contender. */
  readonly pid: number
  /** Starts the pool and has its workers do something; answers how long that took. */
  startMs(): Promise<number>
  /** Makes an array of 0.25 where a user of this contender has it. */
  place(): Promise<void>
  /** Writes `value` into a row's first element, which is not timed, and sums everything. */
  sum(row: number, value: number): Promise<Sum>
  copiedBytes(): number | undefined
  close(): Promise<void>
}

/**
 * Pickles are blocks of some MB, which glibc by default asks of the system and gives back each time. Whoever
 * has such traffic sets these; multiprocessing.Pool is three times faster with them.
 */
const kMalloc = { MALLOC_MMAP_THRESHOLD_: '33554432', MALLOC_TRIM_THRESHOLD_: '134217728' }

/** A rival in Python (reduce_rivals.py). Times are taken there: talking to it is not part of them. */
class PythonReducer implements Reducer {
  readonly #server: PythonProcess
  readonly #lines: AsyncIterator<string>

  constructor(rival: string, bytes: number) {
    const args = [rival, String(kRows), String(bytes / 4 / kRows)]
    this.#server = startPython('reduce_rivals.py', args, ['pipe', 'pipe', 'inherit'], kMalloc)
    const input = this.#server.child.stdout
    if (!input) throw new Error('stdout is not a pipe')
    this.#lines = createInterface({ input })[Symbol.asyncIterator]()
  }

  get pid(): number {
    return this.#server.child.pid ?? 0
  }

  async #ask(...command: unknown[]): Promise<unknown> {
    this.#server.child.stdin?.write(`${JSON.stringify(command)}\n`)
    const { value } = await Promise.race([this.#lines.next(), this.#server.died])
    return JSON.parse(String(value))
  }

  async startMs(): Promise<number> {
    return Number(await this.#ask('start'))
  }

  async place(): Promise<void> {
    await this.#ask('place')
  }

  async sum(row: number, value: number): Promise<Sum> {
    const [ns, total] = (await this.#ask('sum', row, value)) as [number, number]
    return { ns, value: total }
  }

  copiedBytes(): undefined {
    return undefined
  }

  /** By the end of its input: it then unlinks what it has in /dev/shm. */
  async close(): Promise<void> {
    const { child } = this.#server
    const ended = once(child, 'exit')
    child.stdin?.end()
    await Promise.race([ended, this.#server.died]).catch(() => undefined)
  }
}

export const pythonRivals = [
  'pool-pickle',
  'pool-shared-memory',
  'joblib-memmap',
  'joblib-memmap-input',
  'joblib-pickle',
] as const

export async function openReducer({ contender, bytes, spin }: CellContext): Promise<Reducer> {
  if (contender.startsWith('isthmus'))
    return new (await import('./isthmus-reducer.js')).IsthmusReducer(contender, bytes, spin)
  return new PythonReducer(contender, bytes)
}

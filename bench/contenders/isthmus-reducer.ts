// Isthmus in the case `reduce`: a pool of two, and `map` over chunks of a tensor's rows.
import type { Pool, Tensor } from 'isthmus'
import { openPool } from '../cases/concurrency.js'
import { WrongValueError } from '../contender.js'
import { kRows, kWorkers, type Reducer, type Sum } from './reducer.js'

const kChunkRows = kRows / 16

export class IsthmusReducer implements Reducer {
  readonly pid = process.pid
  readonly #fromHeap: boolean
  readonly #shape: readonly [number, number]
  #pool: Pool | undefined
  #tensor: Tensor | undefined
  #data: Float32Array = new Float32Array(0)

  constructor(
    contender: string,
    bytes: number,
    readonly spin: number | undefined,
  ) {
    this.#fromHeap = contender === 'isthmus-heap'
    this.#shape = [kRows, bytes / 4 / kRows]
  }

  get #workers(): Pool {
    if (!this.#pool) throw new Error('not started')
    return this.#pool
  }

  async startMs(): Promise<number> {
    const start = performance.now()
    this.#pool = await openPool(this.spin, { workers: kWorkers })
    await this.#pool.broadcast('add', 1, 2)
    return performance.now() - start
  }

  async place(): Promise<void> {
    if (this.#fromHeap) this.#data = new Float32Array(this.#shape[0] * this.#shape[1])
    else {
      const tensor = this.#workers.tensor('float32', this.#shape, { uninitialized: true })
      this.#tensor = tensor
      this.#data = tensor.data
    }
    this.#data.fill(0.25)
  }

  async sum(row: number, value: number): Promise<Sum> {
    this.#data[row * this.#shape[1]] = value
    const start = performance.now()
    const tensor = this.#tensor ?? this.#workers.tensor.from(this.#data, { shape: this.#shape })
    const parts = await this.#workers.map('total', tensor, { chunk: kChunkRows })
    const total = (parts as number[]).reduce((sum, part) => sum + part, 0)
    if (tensor !== this.#tensor) tensor.dispose()
    const ns = Math.round((performance.now() - start) * 1e6)
    const chunks = kRows / kChunkRows
    WrongValueError.unless(parts.length === chunks, 'parts', parts.length, chunks)
    return { ns, value: total }
  }

  copiedBytes(): number {
    return this.#workers.stats().copiedBytes
  }

  async close(): Promise<void> {
    await this.#pool?.close()
  }
}

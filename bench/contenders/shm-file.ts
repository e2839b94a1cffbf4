// Shared memory by hand: arrays live in files of /dev/shm, which npm's shm-typed-array maps here and mmap in Python. What
// crosses is a header over a Unix socket that names the files. Nobody counts who holds one.
import { unlink } from 'node:fs/promises'
import type { Parcel, Session } from '../contender.js'
import { rivalPackage } from '../packages.js'
import { FrameReader } from './frames.js'
import { RawSocket } from './raw-socket.js'
import { connectToPython } from './unix-socket.js'

interface SharedMemory {
  createPosix(name: string, length: number, type: 'Float32Array'): Float32Array | null
}

interface Mapped extends Parcel {
  readonly file: number
}

const kFrames = 4 // that are filled or read at the same time

/** What Python is told on its command line; a file's number follows. */
export const filePrefix = `isthmus-bench-${process.pid}-`

class ShmFile extends RawSocket {
  readonly #memory = rivalPackage('shm-typed-array') as SharedMemory
  readonly #results = new Map<string, Mapped>()
  #files = 0

  override place(length: number): Mapped {
    const file = this.#files++
    const name = `${filePrefix}${file}`
    const data = this.#memory.createPosix(`/${name}`, length, 'Float32Array')
    if (!data) throw new Error(`/dev/shm/${name} exists already`)
    // Requests are answered in order, so Python has it before it is asked to use it.
    this.request('attach', [file])
      .then(() => unlink(`/dev/shm/${name}`)) // both have it: a crash leaves nothing
      .catch((reason: Error) => this.fail(reason))
    return { data, file }
  }

  /** Where Python puts a result: made once for each purpose and length, and used again. */
  #result(purpose: string, length: number): Mapped {
    const key = `${purpose} ${length}`
    const known = this.#results.get(key) ?? this.place(length)
    this.#results.set(key, known)
    return known
  }

  #file(parcel: Parcel): number {
    return (parcel as Mapped).file
  }

  override async inbound(parcel: Parcel): Promise<number> {
    return Number(await this.request('inbound', [this.#file(parcel)]))
  }

  override async outbound(length: number, mark: number): Promise<Parcel> {
    const result = this.#result('outbound', length)
    await this.request('outbound', [result.file, mark])
    return result
  }

  override async echo(parcel: Parcel): Promise<Parcel> {
    await this.request('echo', [this.#file(parcel)])
    return parcel
  }

  override async double(parcel: Parcel): Promise<Parcel> {
    const result = this.#result('double', parcel.data.length)
    await this.request('double', [this.#file(parcel), result.file])
    return result
  }

  async update(parcel: Parcel): Promise<void> {
    await this.request('update', [this.#file(parcel)])
  }

  /** Python fills some frames ahead. A frame is filled again when the reader asks for the next one. */
  override async *frames(bytes: number): AsyncIterable<Parcel> {
    const slots = Array.from({ length: kFrames }, () => this.place(bytes / 4))
    const fill = (slot: Mapped, isFirst: boolean): Promise<unknown> =>
      this.request('frames', [slot.file, isFirst ? 1 : 0])
    const filled = slots.map((slot, index) => ({ slot, done: fill(slot, index === 0) }))
    for (;;) {
      for (const frame of filled) {
        await frame.done
        yield frame.slot
        frame.done = fill(frame.slot, false)
      }
    }
  }
}

export async function start(): Promise<Session> {
  const reader = new FrameReader((...frame) => session.receive(...frame))
  const session = new ShmFile(await connectToPython('shm_server.py', reader, [filePrefix, '8']))
  return session
}

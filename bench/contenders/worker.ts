// Node's own threads, without Python: what JavaScript pays for reaching another thread with postMessage.
import { once } from 'node:events'
import { type Transferable, Worker } from 'node:worker_threads'
import type { Parcel, Session } from '../contender.js'
import { Pending } from './messages.js'
import type { WorkerAnswer, WorkerRequest } from './worker-thread.js'

interface Movable extends Parcel {
  data: Float32Array
}

abstract class WorkerSession implements Session {
  protected readonly pending = new Pending<WorkerAnswer>()
  protected readonly worker: Worker

  constructor(worker: Worker) {
    this.worker = worker
    worker.on('message', (answer: WorkerAnswer) => this.pending.settle(answer.id, answer))
    worker.on('error', (reason: Error) => this.pending.rejectAll(reason))
  }

  protected abstract request(name: string, args: readonly unknown[]): Promise<WorkerAnswer>

  /** A call with the array of a parcel; what it answers besides the array's own way back. */
  protected abstract withArray(name: string, parcel: Movable): Promise<unknown>

  async add(a: number, b: number): Promise<number> {
    return (await this.request('add', [a, b])).result as number
  }

  place(length: number): Movable {
    return { data: new Float32Array(length) }
  }

  async inbound(parcel: Movable): Promise<number> {
    return (await this.withArray('inbound', parcel)) as number
  }

  async outbound(length: number, mark: number): Promise<Parcel> {
    return { data: (await this.request('outbound', [length, mark])).result as Float32Array }
  }

  async echo(parcel: Movable): Promise<Parcel> {
    return { data: (await this.withArray('echo', parcel)) as Float32Array }
  }

  async double(parcel: Movable): Promise<Parcel> {
    return { data: (await this.withArray('double', parcel)) as Float32Array }
  }

  async nested(value: unknown): Promise<unknown> {
    return (await this.request('nested', [value])).result
  }

  discard(): void {
    // garbage collection does it
  }

  copiedBytes(): undefined {
    return undefined
  }

  async close(): Promise<void> {
    await this.worker.terminate()
  }
}

class Copying extends WorkerSession {
  protected request(name: string, args: readonly unknown[]): Promise<WorkerAnswer> {
    return this.pending.open(id =>
      this.worker.postMessage({ id, name, args, transfers: false } satisfies WorkerRequest),
    )
  }

  protected async withArray(name: string, { data }: Movable): Promise<unknown> {
    return (await this.request(name, [data])).result
  }
}

/** An array moves there and moves back: while it is away, this side has none. */
class Transferring extends WorkerSession {
  protected request(name: string, args: readonly unknown[]): Promise<WorkerAnswer> {
    const [first] = args
    const moving = first instanceof Float32Array ? [first.buffer] : []
    return this.pending.open(id =>
      this.worker.postMessage(
        { id, name, args, transfers: true } satisfies WorkerRequest,
        moving as Transferable[],
      ),
    )
  }

  protected async withArray(name: string, parcel: Movable): Promise<unknown> {
    const { result, argument } = await this.request(name, [parcel.data])
    if (argument) parcel.data = argument
    return result
  }
}

async function open<T>(Kind: new (worker: Worker) => T): Promise<T> {
  const worker = new Worker(new URL('./worker-thread.js', import.meta.url))
  await once(worker, 'online')
  return new Kind(worker)
}

export const startCopy = (): Promise<Session> => open(Copying)
export const startTransfer = (): Promise<Session> => open(Transferring)

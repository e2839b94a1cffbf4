// Isthmus through its public API: with tensors in shared memory, or with plain arrays from the JS heap.
import { spawn } from 'isthmus'
import type { Parcel, Session, StartOptions } from '../contender.js'
import { source } from '../paths.js'

type Bridge = Awaited<ReturnType<typeof spawn>>

interface Disposable extends Parcel {
  dispose(): void
}

const isTensor = (value: unknown): value is Disposable =>
  typeof value === 'object' && value !== null && 'dispose' in value

function tensor(value: unknown): Parcel {
  if (!isTensor(value)) throw new TypeError(`expected a tensor, got ${String(value)}`)
  return value
}

class Shared implements Session {
  constructor(protected readonly bridge: Bridge) {}

  add(a: number, b: number): Promise<number> {
    return this.bridge.call('add', a, b) as Promise<number>
  }

  place(length: number): Parcel {
    return tensor(this.bridge.tensor('float32', [length]))
  }

  inbound(parcel: Parcel): Promise<number> {
    return this.bridge.call('inbound', this.argument(parcel)) as Promise<number>
  }

  async outbound(length: number, mark: number): Promise<Parcel> {
    return tensor(await this.bridge.call('outbound', length, mark))
  }

  async echo(parcel: Parcel): Promise<Parcel> {
    return tensor(await this.bridge.call('echo', this.argument(parcel)))
  }

  async double(parcel: Parcel): Promise<Parcel> {
    return tensor(await this.bridge.call('double', this.argument(parcel)))
  }

  nested(value: unknown): Promise<unknown> {
    return this.bridge.call('nested', value)
  }

  /** What a user would pass: the tensor itself. */
  protected argument(parcel: Parcel): Parcel | Float32Array {
    return parcel
  }

  discard(parcel: Parcel): void {
    if (isTensor(parcel)) parcel.dispose()
  }

  copiedBytes(): number {
    return Number(this.bridge.stats().copiedBytes)
  }

  async close(): Promise<void> {
    await this.bridge.close()
  }
}

class InPlace extends Shared {
  async update(parcel: Parcel): Promise<void> {
    await this.bridge.call('update', parcel)
  }
}

class Heap extends Shared {
  override place(length: number): Parcel {
    return { data: new Float32Array(length) }
  }

  protected override argument(parcel: Parcel): Float32Array {
    return parcel.data
  }
}

class Sync extends Shared {
  addSync(a: number, b: number): number {
    return this.bridge.callSync('add', a, b) as number
  }
}

function open(options: StartOptions): Promise<Bridge> {
  const file = source('contenders', 'isthmus_functions.py')
  return options.spin === undefined ? spawn(file) : spawn(file, { spin: options.spin })
}

export const startShared = async (options: StartOptions): Promise<Session> =>
  new InPlace(await open(options))
export const startHeap = async (options: StartOptions): Promise<Session> =>
  new Heap(await open(options))
export const startSync = async (options: StartOptions): Promise<Session> =>
  new Sync(await open(options))

// An array of the JS heap through a file in /dev/shm: written and read with system calls here, mapped in Python. It needs
// no native code. What crosses besides is a header over a Unix socket.
import { closeSync, ftruncateSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import type { Parcel, Session } from '../contender.js'
import { FrameReader } from './frames.js'
import { RawSocket } from './raw-socket.js'
import { type Argument, bytesOf } from './rival.js'
import { filePrefix } from './shm-file.js'
import { connectToPython } from './unix-socket.js'

interface File {
  readonly number: number
  readonly descriptor: number
}

const kMostBytes = 2 ** 30 // of one system call: Linux takes no more than 2 GB

function transfer(bytes: Buffer, move: (part: Buffer, position: number) => number): void {
  for (let at = 0; at < bytes.byteLength; ) at += move(bytes.subarray(at, at + kMostBytes), at)
}

class ShmFileHeap extends RawSocket {
  readonly #files = new Map<number, File>()
  /** Arrays of one length share a file, so their calls take turns. */
  #turn: Promise<unknown> = Promise.resolve()

  async #open(bytes: number): Promise<File> {
    const known = this.#files.get(bytes)
    if (known) return known
    const number = this.#files.size
    const path = `/dev/shm/${filePrefix}${number}`
    const file = { number, descriptor: openSync(path, 'wx+') }
    this.#files.set(bytes, file)
    ftruncateSync(file.descriptor, bytes)
    await this.request('attach', [number])
    unlinkSync(path) // both have it: a crash leaves nothing
    return file
  }

  #inTurn<T>(call: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(call)
    this.#turn = result.catch(() => undefined)
    return result
  }

  async #write(array: Float32Array): Promise<File> {
    const file = await this.#open(array.byteLength)
    transfer(bytesOf(array), (part, at) => writeSync(file.descriptor, part, 0, part.length, at))
    return file
  }

  protected override number(name: string, args: readonly Argument[]): Promise<number> {
    const [array] = args
    if (!(array instanceof Float32Array)) return super.number(name, args)
    return this.#inTurn(async () => {
      const { number } = await this.#write(array)
      return Number(await this.request(name, [number]))
    })
  }

  /** The result is in the file of the argument, or in a file of its own where there is no argument. */
  protected override array(name: string, args: readonly Argument[]): Promise<Float32Array> {
    const [first = 0, mark] = args
    return this.#inTurn(async () => {
      const isArray = first instanceof Float32Array
      const length = isArray ? first.length : first
      const file = isArray ? await this.#write(first) : await this.#open(length * 4)
      await this.request(name, [file.number, isArray ? file.number : mark])
      return this.#read(file, length)
    })
  }

  #read({ descriptor }: File, length: number): Float32Array {
    const array = new Float32Array(length)
    transfer(bytesOf(array), (part, at) => readSync(descriptor, part, 0, part.length, at))
    return array
  }

  /** While one frame is read, Python does nothing: there is one file of each length. */
  override async *frames(bytes: number): AsyncIterable<Parcel> {
    for (let first = 1; ; first = 0) {
      yield await this.#inTurn(async () => {
        const file = await this.#open(bytes)
        await this.request('frames', [file.number, first])
        return { data: this.#read(file, bytes / 4) }
      })
    }
  }

  override async close(): Promise<void> {
    for (const { descriptor } of this.#files.values()) closeSync(descriptor)
    await super.close()
  }
}

export async function start(): Promise<Session> {
  const reader = new FrameReader((...frame) => session.receive(...frame))
  const session = new ShmFileHeap(await connectToPython('shm_server.py', reader, [filePrefix, '0']))
  return session
}

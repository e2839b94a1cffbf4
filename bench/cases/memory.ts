// Memory of all processes of a contender while an array goes there and back.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { WrongValueError } from '../contender.js'
import type { Case, CellContext, Measured } from './case.js'
import { everyKind, fieldOf } from './field.js'

const kBytes = 2 ** 28
const kMinEchoes = 3
const samplerFile = fileURLToPath(new URL('./memory-sampler.js', import.meta.url))

/** Asks the process that looks at this one from outside: this one is busy, and would not see its own peaks. */
export class Sampler implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #answers: Interface

  constructor() {
    this.#child = spawn(process.execPath, [samplerFile, String(process.pid)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    if (!this.#child.stdout) throw new Error('stdout is not a pipe')
    this.#answers = createInterface({ input: this.#child.stdout })
  }

  /** The most since it was asked last, in MB. */
  async peak(): Promise<number> {
    const answer = once(this.#answers, 'line')
    this.#child.stdin?.write('\n')
    const [line] = (await answer) as [string]
    return Number(line)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.stdin?.end()
    await exited
  }
}

async function measure({ open, bytes, seconds }: CellContext): Promise<Measured> {
  await using sampler = new Sampler()
  await sampler.peak()
  const session = await open()
  await session.add(1, 2)
  await sampler.peak()
  const startedMb = await sampler.peak() // of a moment
  const parcel = session.place(bytes / 4)
  parcel.data.fill(0.25)
  const end = performance.now() + seconds * 1000
  for (let mark = 1; mark <= kMinEchoes || performance.now() < end; mark++) {
    parcel.data[0] = mark
    const result = await session.echo(parcel)
    const first = result.data[0]
    WrongValueError.unless(first === mark + 1, 'echo, first element', first, mark + 1)
    if (result !== parcel && result.data.buffer !== parcel.data.buffer) session.discard(result)
  }
  return { figures: { peakMb: await sampler.peak(), startedMb } }
}

export const memory: Case = {
  title: 'memory of all processes during an echo of 256 MB',
  contenders: fieldOf({ ours: ['isthmus', 'isthmus-heap'], kinds: everyKind }),
  sizes: [kBytes],
  once: true,
  expectedMs: 2000,
  run: measure,
}

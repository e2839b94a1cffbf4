// Coverage-guided fuzzing with what Node has built in: V8 counts which blocks of the code have run. No other fuzzer for
// JavaScript is used: jazzer.js 4 is the one that is kept up, and its prebuilt binary needs a newer C library than the
// Linux systems on which Isthmus is supported have.
//
// Asking V8 costs more than hundreds of inputs, so it is asked once for each batch. When a batch has reached something
// new, its halves run again, and theirs, until it is known which inputs it was: they are kept, to be mutated further.
import { type Profiler, Session } from 'node:inspector'
import { oneOf, seeded } from '../fixtures/random.js'
import { mutated } from './msgpack-mutator.js'

const batchSize = 4096
const longest = 4096

export interface Outcome {
  readonly executions: number
  readonly kept: readonly Uint8Array[]
  /** Lines of the watched files that never ran. */
  readonly missed: readonly string[]
}

/** What of the watched files have run. */
class Coverage {
  readonly #session = new Session()
  readonly #watched: (url: string) => boolean
  readonly #files = new Map<string, { readonly scriptId: string; readonly ran: Uint8Array }>()

  constructor(watched: (url: string) => boolean) {
    this.#watched = watched
    this.#session.connect()
    this.#ask('Profiler.enable')
    this.#ask('Debugger.enable')
    this.#ask('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** Whether something has run since it was last asked that had never run before. */
  grew(): boolean {
    let grew = false
    const { result } = this.#ask(
      'Profiler.takePreciseCoverage',
    ) as Profiler.TakePreciseCoverageReturnType
    for (const { url, scriptId, functions } of result) {
      if (!this.#watched(url)) continue
      const end = Math.max(
        ...functions.flatMap(({ ranges }) => ranges.map(range => range.endOffset)),
      )
      const file = this.#files.get(url) ?? { scriptId, ran: new Uint8Array(end) }
      this.#files.set(url, file)
      // Inner functions and blocks come after what they are in.
      const now = new Uint8Array(end)
      for (const { ranges } of functions)
        for (const { startOffset, endOffset, count } of ranges)
          now.fill(count > 0 ? 1 : 0, startOffset, endOffset)
      for (let at = 0; at < end; at++)
        if (now[at]! > file.ran[at]!) {
          file.ran[at] = 1
          grew = true
        }
    }
    return grew
  }

  /** Lines that never ran, behind the name of the file. Code of the module itself has run before anybody looked. */
  missed(): string[] {
    return [...this.#files].flatMap(([url, { scriptId, ran }]) => {
      const answer = this.#ask('Debugger.getScriptSource', { scriptId })
      const lines = (answer as { scriptSource: string }).scriptSource.split('\n')
      let at = 0
      return lines.flatMap(line => {
        const inside = ran.subarray(at, at + line.length)
        at += line.length + 1
        const isCode = /^ {4,}[^\s/*]/.test(line) && /\w/.test(line)
        return isCode && !inside.includes(1) ? [`${url.replace(/.*\//, '')}: ${line.trim()}`] : []
      })
    })
  }

  snapshot(): Map<string, Uint8Array> {
    return new Map([...this.#files].map(([url, { ran }]) => [url, Uint8Array.from(ran)]))
  }

  /** As if what has run since the snapshot had not. */
  restore(snapshot: Map<string, Uint8Array>): void {
    for (const [url, { ran }] of this.#files)
      ran.set(snapshot.get(url) ?? new Uint8Array(ran.length))
  }

  end(): void {
    this.#session.disconnect()
  }

  /** The session is on this thread, and answers before post() returns. */
  #ask(method: string, params: object = {}): unknown {
    let answer: unknown
    this.#session.post(method, params, (error, result) => {
      if (error) throw error
      answer = result
    })
    return answer
  }
}

/**
 * Runs inputs until `more` says that it is enough. What `target` throws is a finding: it is thrown on, and the input is
 * the `input` of the error.
 */
export function fuzz(
  target: (input: Uint8Array) => void,
  start: readonly Uint8Array[],
  watched: (url: string) => boolean,
  more: (executions: number, kept: number) => boolean,
  seed: number,
): Outcome {
  const random = seeded(seed)
  const coverage = new Coverage(watched)
  const kept: Uint8Array[] = [...start]
  let executions = 0
  const run = (input: Uint8Array) => {
    executions++
    try {
      target(input)
    } catch (error) {
      throw Object.assign(new Error('a finding', { cause: error }), { input })
    }
  }
  /** Keeps those that reach something new. */
  const narrow = (inputs: readonly Uint8Array[]) => {
    const before = coverage.snapshot()
    for (const input of inputs) run(input)
    if (!coverage.grew()) return
    if (inputs.length === 1) {
      kept.push(inputs[0]!)
      return
    }
    coverage.restore(before)
    narrow(inputs.slice(0, inputs.length >> 1))
    narrow(inputs.slice(inputs.length >> 1))
  }
  for (const input of start) run(input)
  coverage.grew()
  while (more(executions, kept.length)) {
    const batch: Uint8Array[] = []
    for (let at = 0; at < batchSize; at++) {
      const input = mutated(oneOf(random, kept), oneOf(random, kept), random)
      if (input.length <= longest) batch.push(input)
    }
    narrow(batch)
  }
  const missed = coverage.missed()
  coverage.end()
  return { executions, kept, missed }
}

// Items that will be one call: their arguments side by side, and who waits for which result.
//
//   gathering -> sent -> answered
//
// An item that gives up leaves a batch that gathers, and the last item takes its place. Of a batch that was sent nothing
// can be taken back; when nobody waits for any of it, its call is given up.
import { type Cell, type Column, encodedBytes } from './columns.js'
import { fromPython } from './from-python.js'
import { type Grades, patience } from './interruption.js'
import type { Memory } from './memory.js'
import { MessagePackWriter } from './msgpack-writer.js'
import { type BatchAnswer, readBatchAnswer } from './payloads.js'
import type { Reply } from './pending.js'
import { Attachments, type Request } from './request.js'
import { Tensor } from './tensor.js'
import { Kind } from './wire.js'

/** Gives a call up: it rejects, and the worker is told. */
export type GiveUp = (error: Error, grades: Grades) => void

type Outcome = Pick<Reply, 'resolve' | 'reject'>

/** One call of the user's. */
export class Item {
  /** By performance.now(). */
  readonly called = performance.now()
  /** Its place in the batch. */
  at = 0
  settled = false
  /** Stops the timer and the listener of its options. */
  settle: (() => void) | undefined
  progress: Reply['progress']
  readonly #outcome: Outcome

  constructor(outcome: Outcome, progress: Reply['progress']) {
    this.#outcome = outcome
    this.progress = progress
  }

  resolve(value: unknown): void {
    if (this.#end()) this.#outcome.resolve(value)
  }

  reject(error: unknown): void {
    this.progress = undefined
    if (this.#end()) this.#outcome.reject(error)
  }

  #end(): boolean {
    if (this.settled) return false
    this.settled = true
    this.settle?.()
    return true
  }
}

export interface BatchPlace {
  /** Of the function. */
  readonly name: string
  /** Items of one batch have the same key: their cells are alike, and they go to the same worker. */
  readonly key: string
  readonly capacity: number
  readonly affinity: string | number | undefined
}

export interface BatchEvents {
  /** @param elapsed milliseconds in the function */
  answered(batch: Batch, elapsed: number): void
  /** The worker is done with it, or it never got there. */
  freed(batch: Batch): void
}

const writer = new MessagePackWriter()
/** Values of one message at most, unless one item alone has more. */
const enoughBytes = 2 ** 26

export class Batch implements Reply {
  readonly items: Item[] = []
  sent = false
  /** It was looked at while no place was free. */
  passed = false
  /** Where it runs, if only one worker may run it. */
  slot: number | undefined
  /** When the first and the last item came, also when the first has left. */
  first = 0
  last = 0
  readonly key: string
  readonly capacity: number
  readonly affinity: string | number | undefined
  readonly #name: string
  readonly #columns: readonly Column[]
  readonly #events: BatchEvents
  #bytes = 0
  /** Items that gave up after it was sent, and how far to go with the call. */
  #left = 0
  #grades: Grades = { interrupt: false }
  #giveUp: GiveUp | undefined

  constructor(place: BatchPlace, columns: readonly Column[], events: BatchEvents) {
    this.#name = place.name
    this.key = place.key
    this.capacity = place.capacity
    this.affinity = place.affinity
    this.#columns = columns
    this.#events = events
  }

  get size(): number {
    return this.items.length
  }

  /** Is there room for these values too? */
  takes(cells: readonly Cell[]): boolean {
    return this.#bytes === 0 || this.#bytes + encodedBytes(cells) <= enoughBytes
  }

  add(item: Item, cells: readonly Cell[]): void {
    const at = this.items.length
    this.#columns.forEach((column, index) => {
      column.put(at, cells[index]!)
    })
    item.at = at
    this.items.push(item)
    if (at === 0) this.first = item.called
    this.last = item.called
    this.#bytes += encodedBytes(cells)
  }

  /** An item gives up that was not sent. */
  remove(item: Item): void {
    const last = this.items.pop()!
    for (const column of this.#columns) column.fill(item.at, last.at)
    if (last === item) return
    last.at = item.at
    this.items[last.at] = last
  }

  /** It will not be sent. */
  release(): void {
    for (const column of this.#columns) column.release()
  }

  /** The call, which holds all that was gathered. */
  request(memory: Memory): Request {
    const attachments = new Attachments(memory)
    const { size } = this
    this.sent = true
    writer.reset()
    writer.arrayHeader(4)
    writer.string(this.#name)
    writer.arrayHeader(this.#columns.length)
    for (const column of this.#columns) column.write(writer, size, attachments)
    writer.byte(0xc0) // no keywords
    const reports = this.progress !== undefined
    writer.mapHeader(reports ? 2 : 1)
    writer.string('batch')
    writer.number(size)
    if (reports) {
      writer.string('progress')
      writer.byte(0xc3)
    }
    return { kind: Kind.Call, name: this.#name, payload: writer.take(), attachments }
  }

  /** It is under way. */
  began(giveUp: GiveUp): void {
    this.#giveUp = giveUp
  }

  /** An item gave up that was sent: with the last of them the call ends, as the most impatient of them wishes. */
  leave(error: Error, { interrupt, kill }: Grades): void {
    const before = this.#grades
    this.#left++
    this.#grades = {
      interrupt: least(before.interrupt, interrupt),
      kill: before.kill === undefined ? kill : Math.min(before.kill, kill ?? Infinity),
    }
    if (this.#left === this.size) this.#giveUp?.(error, this.#grades)
  }

  // --- its answer ---

  resolve(value: unknown): void {
    let answer: BatchAnswer
    try {
      answer = readBatchAnswer(value, this.size)
    } catch (error) {
      this.reject(error)
      return
    }
    const { results, errors, elapsed } = answer
    this.#events.answered(this, elapsed / 1e6)
    const result =
      results instanceof Tensor ? (at: number) => results.row(at) : (at: number) => results[at]
    for (const item of this.items) {
      const { at } = item
      if (errors.has(at)) item.reject(fromPython(errors.get(at)))
      else if (!item.settled) item.resolve(result(at))
    }
    if (results instanceof Tensor) results.release()
  }

  reject(error: unknown, words?: unknown): void {
    for (const item of this.items) item.reject(words === undefined ? error : fromPython(words))
  }

  get progress(): Reply['progress'] {
    const wanted = this.items.filter(({ progress }) => progress !== undefined)
    if (wanted.length === 0) return undefined
    return (fraction, text) => {
      for (const { progress } of wanted) progress?.(fraction, text)
    }
  }

  freed(): void {
    this.#events.freed(this)
  }
}

type Interrupt = Grades['interrupt']

const least = (a: Interrupt, b: Interrupt): Interrupt => (time(a) <= time(b) ? a : b)
const time = (interrupt: Interrupt) => (interrupt === false ? Infinity : (interrupt ?? patience))

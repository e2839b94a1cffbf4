// What follows when a call was given up that the worker has.
//
//   at once           Cancel: Python is told; a task is cancelled, a generator closed, a call in the queue dropped
//   a moment later    Interrupt: what runs is interrupted with isthmus.Cancelled; the signal is repeated, because one
//                     that comes right before a system call does not end that call
//   kill, if asked    the process is killed, unless the answer has come in the meantime
//
// Any answer of the worker ends this.
import type { Sender } from './sender.js'
import { Kind } from './wire.js'

/** Code that looks at `context().cancelled` may end by itself for so long, unless the call says otherwise. Milliseconds. */
export const patience = 20
/** Milliseconds between signals. */
const repetition = 100

/** How far to go, and when. */
export interface Grades {
  /** Milliseconds until what runs is interrupted; false: never. */
  readonly interrupt?: number | false | undefined
  /** Milliseconds until the worker is killed; undefined: never. */
  readonly kill?: number | undefined
}

/** A generator that was left has so long to reach its next `yield`, where it is closed. */
export const leaving: Grades = { interrupt: 1000 }

export interface InterruptionsHost {
  /** Makes the main thread of the process look at what it was told. */
  interrupt(): void
  /** Takes what the worker has committed: the event loop may have stood still for longer than the grace. */
  look(): void
  /** @param name the function that goes on */
  kill(name: string): void
}

interface Step {
  /** On the clock of performance.now(). */
  readonly due: number
  readonly timer: NodeJS.Timeout
  readonly take: () => void
}

export class Interruptions {
  readonly #sender: Sender
  readonly #host: InterruptionsHost
  /** What follows for each call, in order. */
  readonly #steps = new Map<number, Step[]>()

  constructor(sender: Sender, host: InterruptionsHost) {
    this.#sender = sender
    this.#host = host
  }

  /** @param name what errors call the function */
  plan(id: number, name: string, { interrupt = patience, kill }: Grades): void {
    const steps: Step[] = []
    const after = (milliseconds: number, act: () => void) => {
      const take = () => {
        steps.splice(steps.indexOf(step), 1)
        act()
      }
      const step: Step = {
        due: performance.now() + milliseconds,
        timer: setTimeout(take, milliseconds).unref(),
        take,
      }
      steps.push(step)
    }
    const signal = () => {
      this.#host.interrupt()
      after(repetition, signal)
    }
    const begin = () => {
      this.#sender.send(Kind.Interrupt, id)
      signal()
    }
    if (interrupt !== false) after(interrupt, begin)
    const end = () => {
      this.#host.look()
      if (this.#steps.get(id) === steps) this.#host.kill(name) // its answer has not come: the others pay for what it does
    }
    if (kill !== undefined) after(kill, end)
    this.#steps.set(id, steps)
  }

  /** When the next step is due; Infinity: none is. */
  get due(): number {
    let due = Infinity
    for (const steps of this.#steps.values())
      for (const step of steps) due = Math.min(due, step.due)
    return due
  }

  /** Takes the steps that are due. For callSync(), during which no timer goes off. */
  catchUp(now: number): void {
    const late = [...this.#steps.values()].flat().filter(({ due }) => due <= now)
    for (const { timer, take } of late) {
      clearTimeout(timer)
      take()
    }
  }

  settled(id: number): void {
    for (const { timer } of this.#steps.get(id) ?? []) clearTimeout(timer)
    this.#steps.delete(id)
  }

  end(): void {
    for (const id of [...this.#steps.keys()]) this.settled(id)
  }
}

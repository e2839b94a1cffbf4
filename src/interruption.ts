// What follows when a call was given up that the worker has.
//
//   at once           Cancel: Python is told; a task is cancelled, a generator closed, a call in the queue dropped
//   a moment later    Interrupt: what runs is interrupted with isthmus.Cancelled
//   kill, if asked    the process is killed
//
// Any answer of the worker ends this.
import type { Sender } from './sender.js'
import { Kind } from './wire.js'

/** Code that looks at `context().cancelled` may end by itself for so long. Milliseconds. */
const patience = 20

export class Interruptions {
  readonly #sender: Sender
  readonly #host: { interrupt(): void; kill(): void }
  readonly #timers = new Map<number, NodeJS.Timeout[]>()

  constructor(sender: Sender, host: { interrupt(): void; kill(): void }) {
    this.#sender = sender
    this.#host = host
  }

  /** @param kill milliseconds until the worker is killed; undefined: never */
  plan(id: number, kill: number | undefined): void {
    const timers = [
      setTimeout(() => {
        this.#sender.send(Kind.Interrupt, id)
        this.#host.interrupt()
      }, patience).unref(),
    ]
    if (kill !== undefined) timers.push(setTimeout(() => this.#host.kill(), kill).unref())
    this.#timers.set(id, timers)
  }

  settled(id: number): void {
    for (const timer of this.#timers.get(id) ?? []) clearTimeout(timer)
    this.#timers.delete(id)
  }

  end(): void {
    for (const id of [...this.#timers.keys()]) this.settled(id)
  }
}

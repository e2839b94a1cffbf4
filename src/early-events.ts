/** Events that come before anybody could listen are kept until then. */
export class EarlyEvents {
  #kept: (() => unknown)[] | undefined = []

  tell(event: () => unknown): void {
    if (this.#kept === undefined) event()
    else this.#kept.push(event)
  }

  /** Tells what was kept when the caller has had a chance to listen; a listener that throws takes no other's event. */
  open(): void {
    setImmediate(() => {
      const kept = this.#kept ?? []
      this.#kept = undefined
      for (const event of kept) queueMicrotask(event)
    })
  }
}

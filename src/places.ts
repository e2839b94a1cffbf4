// Batches under way, and for how many more there is a place.

export class Places {
  /** Batches under way. */
  running = 0
  /** Those that only one worker may run, by its place in the pool. */
  readonly #bound = new Map<number, number>()

  /** @param slot of the only worker that may run the batch; undefined: any may */
  taken(slot: number | undefined): void {
    this.#count(slot, 1)
  }

  left(slot: number | undefined): void {
    this.#count(slot, -1)
  }

  /**
   * Places that a batch finds free; negative: it would have to wait behind so many others.
   * @param each batches that one worker may run at the same time
   */
  free(slot: number | undefined, workers: number, each: number): number {
    let taken = this.running
    // Those that wait for their own worker take no place of another.
    for (const count of this.#bound.values()) taken -= Math.max(0, count - each)
    const free = workers * each - taken
    return slot === undefined ? free : Math.min(free, each - (this.#bound.get(slot) ?? 0))
  }

  #count(slot: number | undefined, more: number): void {
    this.running += more
    if (slot === undefined) return
    const count = (this.#bound.get(slot) ?? 0) + more
    if (count > 0) this.#bound.set(slot, count)
    else this.#bound.delete(slot)
  }
}

// A limit for the bytes that acts use at the same time; who finds no room waits for his turn.

export class Room {
  readonly #most: number
  #used = 0
  readonly #waiting: { readonly bytes: number; readonly enter: () => void }[] = []

  constructor(most: number) {
    this.#most = most
  }

  /** @returns what is to be given back: one who wants more than there is gets everything */
  async take(bytes: number): Promise<number> {
    const wanted = Math.min(bytes, this.#most)
    if (this.#waiting.length > 0 || this.#used + wanted > this.#most)
      await new Promise<void>(enter => this.#waiting.push({ bytes: wanted, enter }))
    else this.#used += wanted
    return wanted
  }

  giveBack(bytes: number): void {
    this.#used -= bytes
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#used + next.bytes > this.#most) return
      this.#waiting.shift()
      this.#used += next.bytes
      next.enter()
    }
  }
}

/** Joins what is written during one turn into one system call, so that calls in flight travel together. */
export class Batch {
  #parts: Buffer[] = []
  readonly #write: (data: Buffer) => void

  constructor(write: (data: Buffer) => void) {
    this.#write = write
  }

  push(...parts: Buffer[]): void {
    if (this.#parts.length === 0) process.nextTick(() => this.#flush())
    this.#parts.push(...parts)
  }

  #flush(): void {
    const parts = this.#parts
    this.#parts = []
    const total = parts.reduce((sum, part) => sum + part.byteLength, 0)
    if (total < 65_536) this.#write(Buffer.concat(parts, total))
    else for (const part of parts) this.#write(part)
  }
}

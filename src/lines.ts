import { StringDecoder } from 'node:string_decoder'

/** `\r` when a progress bar goes back to the start of its line; empty when the line was cut, or ended with the stream. */
export type LineEnd = '\n' | '\r\n' | '\r' | ''
/** Text without its end; `text + end` of all lines is exactly what the stream said. */
export type OnLine = (text: string, end: LineEnd) => void

/** Longer lines are delivered in parts of this many UTF-16 units. */
const maxLineLength = 65_536

/** Splits the UTF-8 bytes of a child's stdout or stderr into lines, wherever the chunks are cut. */
export class LineSplitter {
  readonly #onLine: OnLine
  readonly #maxLength: number
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''

  constructor(onLine: OnLine, maxLength = maxLineLength) {
    this.#onLine = onLine
    this.#maxLength = maxLength
  }

  write(chunk: Uint8Array) {
    this.#split(this.#decoder.write(chunk as Buffer), false)
  }

  /** Delivers the last line, if it was not terminated. */
  end() {
    this.#split(this.#decoder.end(), true)
    if (this.#rest !== '') this.#onLine(this.#rest, '')
    this.#rest = ''
  }

  #split(text: string, last: boolean) {
    const all = this.#rest + text
    const ends = /\r\n|\r|\n/g
    // What was looked at before has no end in it, except a \r that waited for its \n.
    ends.lastIndex = Math.max(0, this.#rest.length - 1)
    let start = 0
    for (let match = ends.exec(all); match !== null; match = ends.exec(all)) {
      const end = match[0] as LineEnd
      if (end === '\r' && match.index === all.length - 1 && !last) break
      this.#deliver(all.slice(start, match.index), end)
      start = ends.lastIndex
    }
    this.#rest = this.#cut(all.slice(start))
  }

  #deliver(text: string, end: LineEnd) {
    this.#onLine(this.#cut(text), end)
  }

  /** Delivers all but the last part of a line that is too long. */
  #cut(text: string): string {
    let rest = text
    while (rest.length > this.#maxLength) {
      const splitsPair = (rest.charCodeAt(this.#maxLength - 1) & 0xfc00) === 0xd800
      const length = this.#maxLength - (splitsPair && this.#maxLength > 1 ? 1 : 0)
      this.#onLine(rest.slice(0, length), '')
      rest = rest.slice(length)
    }
    return rest
  }
}

/** The last lines of stderr, for error messages. */
export class LastLines {
  readonly #lines: string[] = []
  readonly #count: number
  readonly #maxLength: number
  #overwritten = false

  constructor(count = 20, maxLength = 500) {
    this.#count = count
    this.#maxLength = maxLength
  }

  push(text: string, end: LineEnd) {
    // As on a terminal: what follows a bare \r replaces the line.
    if (this.#overwritten) this.#lines.pop()
    this.#overwritten = end === '\r'
    const short = text.length > this.#maxLength ? `${text.slice(0, this.#maxLength)}…` : text
    this.#lines.push(short)
    if (this.#lines.length > this.#count) this.#lines.shift()
  }

  /** Oldest first, without empty lines at the end. */
  get(): string[] {
    const lines = [...this.#lines]
    while (lines.at(-1)?.trim() === '') lines.pop()
    return lines
  }
}

// One connection to a page: sends one thing at a time, always the newest.
//
// A frame is sent only when the page has asked for one, and only when the operating system has taken all of what was
// sent before. So a page that draws slowly gets fewer frames, one that is hidden gets none, and one that does not read
// holds one state, until it is disconnected.
import type { WebSocket } from 'ws'
import type { Engine } from './engine.js'
import { type Answer, encodeHeader, mostAsked } from './page/protocol.js'
import { parseRequest, RequestError } from './request.js'

/** Both fragments of a frame; nothing is compressed, which would be a copy and take longer than the loopback. */
const first = { binary: true, fin: false, compress: false }
const last = { binary: true, fin: true, compress: false }

export class Viewer {
  readonly #socket: WebSocket
  readonly #engine: Engine
  /** Frames that were asked for. */
  #asked = 0
  /** The newest text of each kind, until it can be sent. */
  readonly #texts = new Map<Answer['say'], string>()
  /** Since when something has been on its way. */
  #sendingSince: number | undefined
  #seen = 0
  #frames = 0

  constructor(socket: WebSocket, engine: Engine) {
    this.#socket = socket
    this.#engine = engine
    socket.on('message', (data, isBinary) => {
      this.#heard(isBinary ? '' : String(data)).catch((error: Error) =>
        this.say({ say: 'failure', text: error.message }),
      )
    })
    // Broken frames and messages that are too long end the connection; ws has told the page why.
    socket.on('error', () => socket.terminate())
  }

  /** How many were handed over completely. */
  get frames(): number {
    return this.#frames
  }

  say(answer: Answer): void {
    this.#texts.set(answer.say, JSON.stringify(answer))
    this.next()
  }

  /** Sends what there is, if nothing is on its way. */
  next(): void {
    if (this.#sendingSince !== undefined || this.#socket.readyState !== this.#socket.OPEN) return
    for (const [kind, text] of this.#texts) {
      this.#texts.delete(kind)
      this.#sendingSince = performance.now()
      this.#socket.send(text, { compress: false }, error => this.#sent(error))
      return
    }
    const { phase, version } = this.#engine
    if (this.#asked > 0 && this.#seen !== version && phase !== 'working') this.#sendFrame()
  }

  /** For how long it has taken nothing, in ms. */
  stalledFor(now: number): number {
    return this.#sendingSince === undefined ? 0 : now - this.#sendingSince
  }

  end(): void {
    this.#socket.terminate()
  }

  #sendFrame(): void {
    const { run, time, energy, version } = this.#engine
    const held = this.#engine.hold()
    const { step, bytes, positions } = held
    this.#asked--
    this.#seen = version
    this.#sendingSince = performance.now()
    const particles = positions.length / 2
    const header = { particles, run, box: 1, step, time, kinetic: energy.kinetic }
    this.#socket.send(encodeHeader(header), first)
    this.#socket.send(bytes, last, error => {
      held.release()
      if (!error) this.#frames++
      this.#sent(error)
    })
  }

  #sent(error: Error | null | undefined): void {
    this.#sendingSince = undefined
    if (!error) this.next()
  }

  async #heard(text: string): Promise<void> {
    const request = parseRequest(text)
    if (request.ask !== 'frame') return this.#engine.ask(request)
    if (this.#asked === mostAsked)
      throw new RequestError(`${mostAsked} frames have been asked for and not yet sent`)
    this.#asked++
    this.next()
  }
}

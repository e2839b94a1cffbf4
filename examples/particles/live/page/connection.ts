// The socket to the server, made again with longer and longer pauses when it is lost.
import { type Answer, decodeFrame, type Frame, type Request, socketPath } from './protocol.js'

export interface Listener {
  opened(): void
  /** In how many seconds it is tried again. */
  lost(seconds: number): void
  frame(frame: Frame): void
  answer(answer: Answer): void
}

const firstPause = 0.5
const longestPause = 10

export class Connection {
  readonly #listener: Listener
  #socket: WebSocket | undefined
  #pause = firstPause

  constructor(listener: Listener) {
    this.#listener = listener
    this.#open()
  }

  ask(request: Request): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(request))
  }

  #open(): void {
    const socket = new WebSocket(`ws://${location.host}${socketPath}`)
    socket.binaryType = 'arraybuffer'
    socket.addEventListener('open', () => {
      this.#pause = firstPause
      this.#listener.opened()
    })
    socket.addEventListener('message', ({ data }: MessageEvent<ArrayBuffer | string>) => {
      if (typeof data === 'string') this.#listener.answer(JSON.parse(data) as Answer)
      else this.#listener.frame(decodeFrame(data))
    })
    // An error is followed by this, too.
    socket.addEventListener('close', () => {
      this.#listener.lost(this.#pause)
      setTimeout(() => this.#open(), 1000 * this.#pause)
      this.#pause = Math.min(2 * this.#pause, longestPause)
    })
    this.#socket = socket
  }
}

// A page without a picture, for programs that test and measure the server.
import { EventEmitter, once } from 'node:events'
import { WebSocket } from 'ws'
import {
  type Answer,
  decodeFrame,
  type Failure,
  type Figures,
  type Frame,
  type History,
  type Request,
  type Status,
  socketPath,
} from './page/protocol.js'

interface Events {
  frame: [Frame]
  status: [Status]
  figures: [Figures]
  history: [History]
  failure: [Failure]
  closed: [code: number]
}

export class Client extends EventEmitter<Events> {
  readonly #socket: WebSocket
  #status: Status | undefined
  #frames = 0

  static async connect(url: string): Promise<Client> {
    const client = new Client(new URL(socketPath, url))
    await once(client, 'status')
    return client
  }

  private constructor(url: URL) {
    super()
    this.#socket = new WebSocket(url, { perMessageDeflate: false })
    this.#socket.binaryType = 'arraybuffer'
    this.#socket.on('message', (data, isBinary) => {
      if (isBinary) this.#received(decodeFrame(data as ArrayBuffer))
      else this.#heard(JSON.parse(String(data)) as Answer)
    })
    this.#socket.on('close', code => this.emit('closed', code))
    this.#socket.on('error', () => {}) // 'close' follows
  }

  /** The newest. */
  get status(): Status {
    return this.#status!
  }

  /** How many it was sent. */
  get frames(): number {
    return this.#frames
  }

  ask(request: Request): void {
    this.send(JSON.stringify(request))
  }

  send(data: string | Uint8Array): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(data)
  }

  /** Asks for a frame, and resolves with the next one. */
  async frame(): Promise<Frame> {
    const next = once(this, 'frame')
    this.ask({ ask: 'frame' })
    return ((await next) as [Frame])[0]
  }

  /** Takes all frames that it can get; each is given up at once. */
  receive(inFlight: number): void {
    this.on('frame', () => this.ask({ ask: 'frame' }))
    for (let asked = 0; asked < inFlight; asked++) this.ask({ ask: 'frame' })
  }

  /** Reads nothing more. */
  stall(): void {
    this.#socket.pause()
  }

  async close(): Promise<void> {
    if (this.#socket.readyState === WebSocket.CLOSED) return
    const closed = once(this, 'closed')
    this.#socket.terminate()
    await closed
  }

  #received(frame: Frame): void {
    this.#frames++
    this.emit('frame', frame)
  }

  #heard(answer: Answer): void {
    if (answer.say === 'status') this.#status = answer
    this.emit(answer.say, answer as never)
  }
}

// ZeroMQ over ipc: DEALER to DEALER, a message of a header and, where there is an array, its bytes as a second part.
import type { Parcel, Session } from '../contender.js'
import { rivalPackage } from '../packages.js'
import { MessageSession } from './messages.js'
import { type PythonProcess, startPython } from './python-process.js'
import { rawRequest, replyId, replyNumber } from './raw.js'
import { bytesOf } from './rival.js'
import { withSocketPath } from './unix-socket.js'

interface Dealer extends AsyncIterable<Buffer[]> {
  bind(address: string): Promise<void>
  send(parts: readonly Buffer[]): Promise<void>
  receive(): Promise<Buffer[]>
  close(): void
}

interface Zeromq {
  readonly Dealer: new (options: object) => Dealer
}

/** A gate: who reads waits in front of it while it is closed. */
class Gate {
  opened: Promise<void> | undefined
  #open: (() => void) | undefined

  pause(): void {
    this.opened ??= new Promise(resolve => {
      this.#open = resolve
    })
  }

  resume(): void {
    this.#open?.()
    this.opened = undefined
  }
}

class ZeromqSession extends MessageSession {
  protected readonly source = new Gate()
  readonly #server: PythonProcess
  readonly #dealer: Dealer

  constructor(server: PythonProcess, dealer: Dealer) {
    super()
    this.#server = server
    this.#dealer = dealer
    server.died.catch((reason: Error) => this.fail(reason))
    this.#receive().catch((reason: Error) => this.fail(reason))
  }

  async #receive(): Promise<void> {
    for await (const [head, body] of this.#dealer) {
      if (!head) throw new Error('an empty message')
      this.deliver(replyId(head, 0), body ?? replyNumber(head, 0))
      if (this.source.opened) await this.source.opened
    }
  }

  /** There is no limit to what waits to be sent, so a message is on its way when this returns. */
  protected send(id: number, name: string, args: readonly unknown[]): void {
    const [a, b] = args
    const head = rawRequest(id, name, a, b)
    const body = a instanceof Float32Array ? bytesOf(a) : a
    const parts = body instanceof Uint8Array ? [head, body as Buffer] : [head]
    this.#dealer.send(parts).catch((reason: Error) => this.fail(reason))
  }

  /** ZeroMQ has no encoding of its own; JSON needs nothing else. */
  async nested(value: unknown): Promise<unknown> {
    const body = await this.request('nested', [Buffer.from(JSON.stringify(value))])
    return JSON.parse(String(body))
  }

  /** A queue of ZeroMQ counts messages, not bytes: so frames are asked for, two at a time. */
  override async *frames(bytes: number): AsyncIterable<Parcel> {
    const ask = (first: number): Promise<unknown> => this.request('frames', [bytes, first])
    for (let [next, after] = [ask(1), ask(0)]; ; [next, after] = [after, ask(0)])
      yield { data: this.floats(await next) }
  }

  async close(): Promise<void> {
    this.#dealer.close()
    await this.#server.stop()
  }
}

export function start(): Promise<Session> {
  const { Dealer } = rivalPackage('zeromq') as Zeromq
  return withSocketPath(async path => {
    const dealer = new Dealer({ sendHighWaterMark: 0, linger: 0 })
    const address = `ipc://${path}`
    await dealer.bind(address)
    const server = startPython('zeromq_server.py', [address], ['pipe', 'inherit', 'inherit'])
    await Promise.race([dealer.receive(), server.died]) // it says that it is there
    return new ZeromqSession(server, dealer)
  })
}

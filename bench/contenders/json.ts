// JSON, one message a line: [id, name, ...args] there, [id, result] back. An array is a string of base64.
import { MessageSession } from './messages.js'
import { bytesOf, floats } from './rival.js'

type Reply = [id: number, result: unknown]

/** Base64 has nothing to escape, and JSON.stringify would spend more on looking than on all the rest. */
const inJson = (argument: unknown): string =>
  argument instanceof Float32Array
    ? `"${bytesOf(argument).toString('base64')}"`
    : JSON.stringify(argument)

export abstract class JsonSession extends MessageSession {
  protected abstract sendLine(line: string): void

  protected receiveLine(line: string): void {
    const [id, result] = JSON.parse(line) as Reply
    this.deliver(id, result)
  }

  protected send(id: number, name: string, args: readonly unknown[]): void {
    this.sendLine(`[${id},"${name}"${args.map(argument => `,${inJson(argument)}`).join('')}]`)
  }

  protected override floats(value: unknown): Float32Array {
    return floats(Buffer.from(String(value), 'base64'))
  }

  nested(value: unknown): Promise<unknown> {
    return this.request('nested', [null, null, value])
  }
}

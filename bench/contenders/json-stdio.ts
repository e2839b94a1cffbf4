// Newline-delimited JSON over the child's stdin and stdout: [id, name, ...args] and [id, result].
// Arrays travel as base64: more than ten times faster than lists of numbers, so that is the rival at its best.
import type { Session } from '../contender.js'
import { Batch } from './batch.js'
import { JsonSession } from './json.js'
import { type PythonProcess, startPython } from './python-process.js'

const kNewline = 10

class JsonStdio extends JsonSession {
  protected readonly source
  readonly #server: PythonProcess
  readonly #batch: Batch
  #tail: Buffer[] = []

  constructor(server: PythonProcess) {
    super()
    const { stdin, stdout } = server.child
    if (!stdin || !stdout) throw new Error('stdin and stdout are not pipes')
    this.source = stdout
    this.#server = server
    this.#batch = new Batch(data => stdin.write(data))
    stdout.on('data', (chunk: Buffer) => this.#receive(chunk))
    server.died.catch((reason: Error) => this.fail(reason))
  }

  #receive(chunk: Buffer): void {
    let start = 0
    for (let end = chunk.indexOf(kNewline); end >= 0; end = chunk.indexOf(kNewline, start)) {
      this.#tail.push(chunk.subarray(start, end))
      const line = this.#tail.length === 1 ? this.#tail[0] : Buffer.concat(this.#tail)
      this.#tail = []
      start = end + 1
      this.receiveLine(line?.toString() ?? '')
    }
    if (start < chunk.length) this.#tail.push(chunk.subarray(start))
  }

  protected sendLine(line: string): void {
    this.#batch.push(Buffer.from(`${line}\n`))
  }

  close(): Promise<void> {
    return this.#server.stop()
  }
}

export async function start(): Promise<Session> {
  const session = new JsonStdio(startPython('json_stdio.py', [], ['pipe', 'pipe', 'inherit']))
  await session.add(0, 0)
  return session
}

// The live view in a process of its own, for programs that measure it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { tree } from '../../../bench/process-tree.js'

export class ServerProcess implements AsyncDisposable {
  readonly url: string
  readonly #child: ChildProcess

  static async start(args: readonly string[]): Promise<ServerProcess> {
    const program = fileURLToPath(new URL('./main.js', import.meta.url))
    const child = spawn(process.execPath, [program, '--port', '0', ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`the live view ended with ${code}`)
    })
    const [line] = (await Promise.race([
      once(createInterface({ input: child.stdout }), 'line'),
      ended,
    ])) as [string]
    ended.catch(() => {}) // it ends when it is told to
    return new ServerProcess(child, line.split(' ')[0]!)
  }

  private constructor(child: ChildProcess, url: string) {
    this.#child = child
    this.url = url
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** The Python processes. */
  get workers(): number[] {
    return tree(this.pid).slice(1)
  }

  /** As Ctrl-C does. Resolves with the exit code. */
  async stop(): Promise<number | null> {
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGINT')
    return ((await ended) as [number | null])[0]
  }

  /** Whatever became of the measurement: nothing is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.stop()
  }
}

// A Python server of an arm: started by the arm, prints its port when it listens, ends with it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { python } from '../paths.js'
import { here } from './places.js'

export interface Server {
  readonly port: number
  readonly child: ChildProcess
  /** Ends it at once; resolves when it has ended. */
  stop(): Promise<void>
}

export async function startServer(program: string, args: readonly string[] = []): Promise<Server> {
  // It ends when its standard input closes, so it does not outlive an arm that fails.
  const child = spawn(python(), ['-u', here(program), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const died = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`${program} ended by itself (code ${String(code)}, signal ${String(signal)})`)
  })
  died.catch(() => undefined) // whoever races against it sees the reason
  const [chunk] = (await Promise.race([once(child.stdout!, 'data'), died])) as [Buffer]
  return {
    port: Number(chunk.toString()),
    child,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}

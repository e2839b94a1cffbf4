// Starts and ends the Python process of a rival.
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { pythonCommand } from '../cores.js'
import { python, source } from '../paths.js'

export interface PythonProcess {
  readonly child: ChildProcess
  /** Rejects when the process ends before `stop`; otherwise stays pending. */
  readonly died: Promise<never>
  stop(): Promise<void>
}

export function startPython(
  file: string,
  args: string[],
  stdio: StdioOptions,
  env: NodeJS.ProcessEnv = {},
): PythonProcess {
  const [command = '', ...rest] = pythonCommand([
    python(),
    '-u',
    source('contenders', file),
    ...args,
  ])
  const child = spawn(command, rest, { stdio, env: { ...process.env, ...env } })
  let stopping = false
  const died = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      if (!stopping)
        reject(
          new Error(`${file} ended by itself (code ${String(code)}, signal ${String(signal)})`),
        )
    })
  })
  died.catch(() => undefined) // whoever races against it sees the reason
  return {
    child,
    died,
    async stop() {
      stopping = true
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}

/** Resolves with the first chunk that the process writes on stdout: rivals print when they listen. */
export async function firstOutput(server: PythonProcess): Promise<string> {
  const { stdout } = server.child
  if (!stdout) throw new Error('stdout is not a pipe')
  const [chunk] = (await Promise.race([once(stdout, 'data'), server.died])) as [Buffer]
  return chunk.toString()
}

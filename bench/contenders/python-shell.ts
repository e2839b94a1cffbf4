// python-shell in its text mode: it starts Python, writes a line for each message, and splits what comes into lines.
import type { Session } from '../contender.js'
import { pythonCommand } from '../cores.js'
import { rivalPackage } from '../packages.js'
import { python, source } from '../paths.js'
import { JsonSession } from './json.js'
import type { Source } from './messages.js'

interface Shell {
  readonly stdout: Source
  send(line: string): unknown
  kill(signal: string): unknown
  on(event: 'message', listener: (line: string) => void): unknown
  on(event: 'close', listener: () => void): unknown
  on(event: 'pythonError' | 'error', listener: (error: Error) => void): unknown
}

type ShellClass = new (script: string, options: object) => Shell

class PythonShellSession extends JsonSession {
  protected readonly source: Source
  readonly #shell: Shell

  constructor(shell: Shell) {
    super()
    this.#shell = shell
    this.source = shell.stdout
    shell.on('message', line => this.receiveLine(line))
    shell.on('error', error => this.fail(error))
    shell.on('close', () => this.fail(new Error('python-shell has ended')))
  }

  protected sendLine(line: string): void {
    this.#shell.send(line)
  }

  close(): Promise<void> {
    this.#shell.kill('SIGKILL')
    return Promise.resolve()
  }
}

export async function start(): Promise<Session> {
  const { PythonShell } = rivalPackage('python-shell') as { PythonShell: ShellClass }
  const [pythonPath, ...pythonOptions] = pythonCommand([python(), '-u'])
  const options = { mode: 'text', pythonPath, pythonOptions }
  const session = new PythonShellSession(
    new PythonShell(source('contenders', 'json_stdio.py'), options),
  )
  await session.add(0, 0)
  return session
}

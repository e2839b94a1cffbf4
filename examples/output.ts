// For the tests of the examples: an example is run as a user runs it.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The lines that a program prints. Throws if it fails, or says anything on stderr. */
export function outputOf(program: URL): string[] {
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    ['--enable-source-maps', fileURLToPath(program)],
    { encoding: 'utf8', timeout: 60_000, killSignal: 'SIGKILL' },
  )
  if (status !== 0 || stderr !== '')
    throw new Error(`it ended with ${signal ?? status}\n${stdout}${stderr}`)
  return stdout.trimEnd().split('\n')
}

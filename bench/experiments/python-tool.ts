// Runs a Python program of an experiment before the arms start, and gives the JSON that it prints last.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { experimentPython, here } from './places.js'

/** What it writes to stderr is progress, and shown. */
export async function runTool(program: string, args: readonly string[]): Promise<unknown> {
  const child = spawn(experimentPython, ['-W', 'ignore', here(program), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PYTHONPATH: here() },
  })
  let output = ''
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString()
  })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${program} ended with ${code}`)
  return JSON.parse(output.trimEnd().split('\n').at(-1) ?? '')
}

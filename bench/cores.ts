// Keeping processes on chosen cores, with taskset.
import { readFileSync } from 'node:fs'

/** The CPUs this process may use, from a list such as `0-3,8`. */
export function allowedCpus(): number[] {
  const status = readFileSync('/proc/self/status', 'utf8')
  const list = /Cpus_allowed_list:\s*(\S+)/.exec(status)?.[1] ?? '0'
  return list.split(',').flatMap(range => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  })
}

interface Placed {
  readonly command: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

/**
 * The command on its core. Python inherits it on one core; on two it is told its own (`pythonCommand`).
 */
export function placed(command: readonly string[], cores: 'one' | 'two' | undefined): Placed {
  const env = { ...process.env }
  if (!cores) return { command, env }
  const [first = 0, second = first] = allowedCpus()
  if (cores === 'two') env.ISTHMUS_BENCH_PYTHON_CPU = String(second)
  return { command: ['taskset', '-c', String(first), ...command], env }
}

/** The CPU on which Python belongs, if it belongs on one that is not Node's. */
export const pythonCpu = (): string | undefined => process.env.ISTHMUS_BENCH_PYTHON_CPU

/** How a rival starts its Python process. */
export function pythonCommand(command: readonly string[]): readonly string[] {
  const cpu = pythonCpu()
  return cpu === undefined ? command : ['taskset', '-c', cpu, ...command]
}

// The service in a process of its own, and its memory.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { memfdMb, residence, tree } from '../../../bench/process-tree.js'

export interface Sample {
  /** Seconds since the run began. */
  readonly at: number
  /** MB that are resident without shared memory: of Node, and of its workers together. */
  readonly node: number
  readonly workers: number
  /** MB of shared memory that exist. */
  readonly shared: number
}

export interface Served {
  readonly address: string
  readonly pid: number
  readonly samples: readonly Sample[]
  /** SIGTERM. @returns the exit code, and the signal if one ended it */
  end(): Promise<readonly [number | null, string | null]>
}

export async function serve(settings: Readonly<Record<string, string>>): Promise<Served> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('../main.js', import.meta.url))], {
    env: { ...process.env, ...settings, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>
  const ended = exited.then(([code, signal]) => {
    throw new Error(`the service ended with ${signal ?? code}`)
  })
  const line = once(createInterface(child.stdout), 'line') as Promise<[string]>
  const [first] = await Promise.race([line, ended])
  const pid = child.pid!
  const samples: Sample[] = []
  const timer = setInterval(() => samples.push(sample(pid)), 500)
  ended.catch(() => clearInterval(timer))
  return {
    address: first.replace('listening on ', ''),
    pid,
    samples,
    end() {
      clearInterval(timer)
      child.kill('SIGTERM')
      return exited
    },
  }
}

function sample(pid: number): Sample {
  const [node, ...workers] = tree(pid).map(each => {
    const { anon, file } = residence(each)
    return anon + file
  })
  const at = performance.now() / 1000
  return {
    at,
    node: node ?? 0,
    workers: workers.reduce((sum, mb) => sum + mb, 0),
    shared: memfdMb(tree(pid)),
  }
}

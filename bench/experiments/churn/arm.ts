// One arm: arm.js WAY CLIENT. Starts the server if the way has one, then client processes, one after another.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { python } from '../../paths.js'
import { ArmReport } from '../arm-report.js'
import { median } from '../merge.js'
import { compiled, here } from '../places.js'
import { type Server, startServer } from '../server.js'
import { check, type Warm } from './measure.js'
import { readFloats } from './session.js'

const servers: Readonly<Record<string, string>> = {
  fastapi: 'churn/fastapi_server.py',
  grpc: 'churn/grpc_server.py',
}
const [way = '', client = ''] = process.argv.slice(2)
const seconds = process.env.CHURN_SECONDS ?? '1'
const coldRuns = Number(process.env.CHURN_COLD ?? 5)
const report = new ArmReport()
const [firstExpected = NaN] = readFloats('expected.f32')

function startClient(server: Server | undefined, mode: readonly string[]): ChildProcess {
  const command =
    client === 'python'
      ? [python(), here('churn', 'client.py')]
      : [process.execPath, compiled('churn', 'client.js')]
  const args = [...command.slice(1), way, String(server?.port ?? '-'), ...mode]
  return spawn(command[0]!, args, { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** What a client process prints last. */
async function answerOf(child: ChildProcess): Promise<unknown> {
  let output = ''
  child.stdout!.on('data', (data: Buffer) => {
    output += data.toString()
  })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`the client of ${way} ended with ${String(code)}`)
  return JSON.parse(output.trimEnd().split('\n').at(-1) ?? '')
}

interface ColdRun {
  /** Milliseconds from the start of the client's process until it has its result, and until it has ended. */
  readonly result: number
  readonly ended: number
}

async function runCold(server: Server | undefined): Promise<ColdRun> {
  const start = performance.now()
  const child = startClient(server, ['once'])
  let result = NaN
  child.stdout!.once('data', () => {
    result = performance.now() - start
  })
  check(Number(await answerOf(child)), firstExpected)
  return { result, ended: performance.now() - start }
}

/** The client's process alone, with a server that runs and has answered before. */
async function coldClients(server: Server): Promise<void> {
  const runs: ColdRun[] = []
  for (let i = 0; i < coldRuns; i++) runs.push(await runCold(server))
  report.figure('cold.result', median(runs.map(({ result }) => result)))
  report.figure('cold.ended', median(runs.map(({ ended }) => ended)))
}

async function warmCalls(server: Server | undefined): Promise<Warm> {
  const found = (await answerOf(startClient(server, ['warm', seconds]))) as Warm
  for (const [name, { p50, p99, calls }] of Object.entries(found.cells)) {
    report.figure(`${name}.p50`, p50)
    report.figure(`${name}.p99`, p99)
    report.figure(`${name}.calls`, calls)
  }
  return found
}

const program = servers[way]
const start = performance.now()
const server = program === undefined ? undefined : await startServer(program)
const first = await runCold(server)
// From nothing: with a server, its start comes first; without one, the client starts what it needs.
report.figure('scratch', server ? performance.now() - start : first.ended)
if (server) await coldClients(server)
const { probabilities } = await warmCalls(server)
await server?.stop()
report.write(probabilities.map(probability => probability.toFixed(6)))

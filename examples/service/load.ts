/** Finds the capacity of the service, offers it twice as much, and looks at what becomes of it. All on 127.0.0.1. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeMachine } from '../../bench/machine.js'
import { root } from '../../bench/paths.js'
import { draw } from './load/chart.js'
import { type Answer, offer, saturate } from './load/offer.js'
import { type Phase, phase, secondsOf } from './load/phase.js'
import { line, summary, verdictOf } from './load/report.js'
import { serve } from './load/served.js'

const usage = `Usage: npm run load -- [options]

  --seconds N     of overload; other phases last a quarter of that (60)
  --workers N     Python processes (one for each CPU but one)
  --max-queue N   rows that may wait (128)
  --quick         8 seconds: does everything run?
  --help          this text

Writes examples/service/results/load.json and docs/service-load.svg; with --quick below build/.`

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    workers: { type: 'string' },
    'max-queue': { type: 'string', default: '128' },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(usage)
  process.exit()
}
const overload = Number(values.seconds ?? (values.quick ? 8 : 60))
const settings = {
  workers: Number(values.workers ?? Math.max(1, availableParallelism() - 1)),
  maxQueue: Number(values['max-queue']),
  timeout: 5000,
}

const machine = describeMachine()
const served = await serve({
  WORKERS: String(settings.workers),
  MAX_QUEUE: String(settings.maxQueue),
  TIMEOUT: String(settings.timeout),
})
// As many requests at a time as fill two batches for each worker; fewer than may wait.
const connections = Math.min(settings.workers * 64, settings.maxQueue)
const url = `${served.address}/predict`
const answers: Answer[] = []
const phases: Phase[] = []
const began = performance.now() / 1000

/** @param rate requests per second; undefined: as fast as they are answered */
async function run(name: string, seconds: number, rate?: number): Promise<Phase> {
  const from = performance.now() / 1000 - began
  console.log(`${name}: ${seconds} s …`)
  const offered = await (rate === undefined
    ? saturate(url, connections, seconds)
    : offer(url, rate, seconds))
  const done = phase(name, [from, performance.now() / 1000 - began], seconds, rate, offered)
  for (const answer of offered.answers) answers.push({ ...answer, at: answer.at - began })
  phases.push(done)
  console.log(line(done))
  return done
}

const short = Math.max(2, Math.round(overload / 4))
await run('warm-up', short)
const { accepted: capacity } = await run('capacity', short)
await run('half', short, capacity / 2)
await run('double', overload, capacity * 2)
await run('half again', short, capacity / 2)

const { restarts } = await lastWords(served.address)
const [code, signal] = await served.end()
const result = {
  format: 1,
  date: new Date().toISOString(),
  machine,
  settings,
  phases,
  ...verdictOf(phases, served.samples, settings, began),
  end: { code, signal, restarts },
  seconds: secondsOf(answers),
  samples: served.samples.map(sample => ({ ...sample, at: sample.at - began })),
}
const [json, svg] = values.quick
  ? ['build/load.json', 'build/load.svg']
  : ['examples/service/results/load.json', 'docs/service-load.svg']
mkdirSync(dirname(join(root, json)), { recursive: true })
writeFileSync(join(root, json), `${JSON.stringify(result, rounded)}\n`)
writeFileSync(join(root, svg), draw(result))
console.log(summary(result))
console.log(`${json}, ${svg}`)

/** Of the service: how often a worker had to be started again. */
async function lastWords(address: string) {
  const text = await (await fetch(`${address}/metrics`)).text()
  return { restarts: Number(/^worker_restarts_total (\d+)$/m.exec(text)?.[1]) }
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(6)) : value
}

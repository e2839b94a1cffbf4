/** Frames per second: drawn by a browser, and taken by a program that only receives; and which process takes the time. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { describeMachine } from '../../../bench/machine.js'
import { root } from '../../../bench/paths.js'
import { tree } from '../../../bench/process-tree.js'
import { launchChromium } from './browser.js'
import { Client } from './client.js'
import { ServerProcess } from './server-process.js'

const usage = `Usage: npm run particles:frames -- [options]

  --seconds N      of each part: 20
  --particles N    100000
  --save           write examples/particles/live/results/frames.json, not build/particles-frames.json
  --help           this text

Two parts in headless Chromium, which draws on the processor, with one and with two frames on their way; two with a
program that only receives; one without viewers. Of each: steps/s, frames/s, MB/s, and the CPUs that each process takes.
The browser's busiest threads say what it waits for.`

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    particles: { type: 'string', default: '100000' },
    save: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

interface Part {
  readonly viewer: 'browser' | 'program' | 'none'
  /** Frames that are asked for ahead. */
  readonly inFlight: number
}

interface Measured extends Part {
  readonly seconds: number
  readonly stepsPerSecond: number
  readonly framesPerSecond: number
  /** How often the browser was about to paint. */
  readonly paintsPerSecond: number | undefined
  readonly megabytesPerSecond: number
  /** Of each process, in CPUs. */
  readonly cpus: Readonly<Record<string, number>>
  /** The busiest threads of the browser, in CPUs. */
  readonly threads: Readonly<Record<string, number>>
}

const parts: readonly Part[] = [
  { viewer: 'browser', inFlight: 1 },
  { viewer: 'browser', inFlight: 2 },
  { viewer: 'program', inFlight: 1 },
  { viewer: 'program', inFlight: 2 },
  { viewer: 'none', inFlight: 0 },
]

if (values.help) console.log(usage)
else await main(Number(values.seconds), Number(values.particles))

async function main(seconds: number, particles: number): Promise<void> {
  const machine = describeMachine()
  await using server = await ServerProcess.start(['--particles', String(particles)])
  const measured: Measured[] = []
  for (const part of parts) {
    measured.push(await measure(part, server, seconds, particles))
    console.log(lineOf(measured.at(-1)!))
  }
  const browser = measured.filter(({ viewer }) => viewer === 'browser')
  const best = browser.reduce((a, b) => (a.framesPerSecond >= b.framesPerSecond ? a : b))
  console.log(`\nthe browser's threads, ${best.inFlight} in flight, in CPUs:`)
  for (const [name, cpus] of Object.entries(best.threads))
    console.log(`  ${name.padEnd(44)} ${cpus.toFixed(2)}`)
  const path = values.save
    ? 'examples/particles/live/results/frames.json'
    : 'build/particles-frames.json'
  const full = resolve(root, path)
  mkdirSync(dirname(full), { recursive: true })
  writeFileSync(full, `${JSON.stringify({ machine, particles, parts: measured }, undefined, 1)}\n`)
  console.log(`written to ${path}`)
}

function lineOf({ viewer, inFlight, cpus, ...rates }: Measured): string {
  const paints =
    rates.paintsPerSecond === undefined ? '' : `, ${rates.paintsPerSecond.toFixed(1)} paints/s`
  const share = Object.entries(cpus).map(([name, used]) => `${name} ${used.toFixed(2)}`)
  const who = viewer === 'none' ? 'no viewer' : `${viewer}, ${inFlight} in flight`
  return (
    `${who.padEnd(22)} ${rates.stepsPerSecond.toFixed(1)} steps/s, ${rates.framesPerSecond.toFixed(1)} frames/s${paints}, ` +
    `${rates.megabytesPerSecond.toFixed(1)} MB/s; CPUs: ${share.join(', ')}`
  )
}

/** What is counted during a part. */
interface Counters {
  frames(): Promise<number>
  paints?(): Promise<number>
  close(): Promise<void>
}

async function measure(
  part: Part,
  server: ServerProcess,
  seconds: number,
  particles: number,
): Promise<Measured> {
  const watcher = await Client.connect(server.url)
  let step = 0
  watcher.on('figures', figures => {
    step = figures.step
  })
  const counters = await countersOf(part, server.url)
  // The first frames are not those of the rest: shaders are compiled, memory is mapped.
  await sleep(2000)
  const look = async () => ({
    at: performance.now(),
    step,
    frames: await counters.frames(),
    paints: await counters.paints?.(),
    used: cpuTimes(server),
  })
  const before = await look()
  await sleep(seconds * 1000)
  const after = await look()
  await counters.close()
  await watcher.close()
  const took = (after.at - before.at) / 1000
  const rates = new Map(
    [...after.used].map(([key, ms]) => [key, (ms - (before.used.get(key) ?? 0)) / 1000 / took]),
  )
  const framesPerSecond = (after.frames - before.frames) / took
  return {
    ...part,
    seconds: took,
    stepsPerSecond: (after.step - before.step) / took,
    framesPerSecond,
    paintsPerSecond:
      after.paints === undefined ? undefined : (after.paints - (before.paints ?? 0)) / took,
    megabytesPerSecond: (framesPerSecond * particles * 16) / 1e6,
    cpus: sums(rates, key => key.split(':')[0]!),
    threads: busiest(
      sums(rates, key => key),
      8,
    ),
  }
}

async function countersOf({ viewer, inFlight }: Part, url: string): Promise<Counters> {
  if (viewer === 'none') return { frames: async () => 0, close: async () => {} }
  if (viewer === 'program') {
    const client = await Client.connect(url)
    client.receive(inFlight)
    return { frames: async () => client.frames, close: () => client.close() }
  }
  const browser = await launchChromium()
  const page = await browser.newPage({ viewport: { width: 1180, height: 830 } })
  await page.goto(`${url}?frames=${inFlight}`)
  await page.evaluate(`{
    window.paints = 0
    const paint = () => { paints++; requestAnimationFrame(paint) }
    requestAnimationFrame(paint)
  }`)
  return {
    frames: async () => Number(await page.evaluate('window.framesDrawn')),
    paints: async () => Number(await page.evaluate('paints')),
    close: () => browser.close(),
  }
}

/** CPU time in ms, by process and thread: `simulation:python`, `browser gpu:Compositor`. */
function cpuTimes(server: ServerProcess): Map<string, number> {
  const { pid, workers } = server
  const times = new Map<string, number>()
  const add = (process: string, id: number) => {
    for (const { name, ms } of threadsOf(id)) {
      const key = `${process}:${name}`
      times.set(key, (times.get(key) ?? 0) + ms)
    }
  }
  add('server', pid)
  for (const worker of workers) add('simulation', worker)
  const own = new Set([pid, ...workers, process.pid])
  add('this program', process.pid)
  for (const other of tree(process.pid)) if (!own.has(other)) add(`browser ${kindOf(other)}`, other)
  return times
}

/** As Chromium names its processes: gpu-process, renderer, utility. */
function kindOf(pid: number): string {
  const type = /--type=([a-z-]+)/.exec(quietly(`/proc/${pid}/cmdline`))?.[1]
  return type ?? 'main'
}

function threadsOf(pid: number): { name: string; ms: number }[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(id => ({
      // Threads of a group have numbers.
      name: quietly(`/proc/${pid}/task/${id}/comm`)
        .trim()
        .replace(/[\d<>/]+$/, ''),
      ms: Number(quietly(`/proc/${pid}/task/${id}/schedstat`).split(' ')[0] ?? 0) / 1e6,
    }))
  } catch {
    return [] // it has ended
  }
}

function quietly(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function sums(
  rates: ReadonlyMap<string, number>,
  name: (key: string) => string,
): Record<string, number> {
  const found: Record<string, number> = {}
  for (const [key, cpus] of rates) found[name(key)] = (found[name(key)] ?? 0) + cpus
  return Object.fromEntries(
    Object.entries(found).map(([key, cpus]) => [key, Math.round(cpus * 1000) / 1000]),
  )
}

function busiest(threads: Record<string, number>, count: number): Record<string, number> {
  return Object.fromEntries(
    Object.entries(threads)
      .filter(([key]) => key.startsWith('browser'))
      .sort(([, a], [, b]) => b - a)
      .slice(0, count),
  )
}

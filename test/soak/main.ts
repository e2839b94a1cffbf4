// The soak: mixed load for minutes, and what it did to memory, descriptors and latencies. `--help` says how to call it.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { describeMachine } from '../../bench/machine.js'
import { root } from '../../bench/paths.js'
import { draw } from './chart.js'
import { type Options, parseOptions, UsageError, usage } from './options.js'
import { report } from './report.js'
import { type Outcome, soak } from './run.js'

try {
  const options = parseOptions(process.argv.slice(2))
  if (options === undefined) console.log(usage)
  else process.exitCode = await main(options)
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(`${error.message}\n\n${usage}`)
  process.exitCode = 2
}

async function main(options: Options): Promise<number> {
  if (globalThis.gc === undefined) throw new Error('run node with --expose-gc')
  const machine = describeMachine()
  const mmapThreshold = process.env['MALLOC_MMAP_THRESHOLD_'] ?? null
  const outcome = await soak(options)
  const { passed, failed, text } = report(outcome, options)
  console.log(text)
  const write = (path: string, content: string) => {
    const full = resolve(root, path)
    mkdirSync(dirname(full), { recursive: true })
    writeFileSync(full, content)
    console.log(`written to ${path}`)
  }
  write(options.svg, draw(outcome, { ...options, machine }))
  write(
    options.json,
    json({ options, machine, mmapThreshold, passed, failed, ...columns(outcome) }),
  )
  console.log(`${passed} passed, ${failed} failed`)
  return failed > 0 ? 1 : 0
}

/** Samples as one list for each series: a third of the size. */
function columns({ samples, ...others }: Outcome) {
  const keys = Object.keys(samples[0] ?? {})
  const series = keys.map(key => [key, samples.map(sample => sample[key])] as const)
  return { ...others, samples: Object.fromEntries(series) }
}

/** Lists of numbers on one line, with as many digits as were measured. */
function json(value: unknown): string {
  const text = JSON.stringify(
    value,
    (_, each) => (typeof each === 'number' ? Math.round(each * 1000) / 1000 : each),
    1,
  )
  return `${text.replace(/\[\s*(-?[\d.]+(?:,\s*-?[\d.]+)*)\s*\]/g, (_, list: string) => `[${list.replace(/\s+/g, '')}]`)}\n`
}

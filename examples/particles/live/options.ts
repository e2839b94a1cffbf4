// The command line of the live view.
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { UsageError } from '../options.js'
import type { Settings } from './engine.js'
import { type Range, ranges } from './page/protocol.js'
import { described, within } from './request.js'

export const usage = `Soft particles in a box, live in a browser: numpy computes, the page draws the shared arrays.

Usage: npm run particles -- [options]

  --port N         where the page is served on 127.0.0.1; 0: any free port (default 8420)
  --particles N    how many at the start (default 100000)
  --dt T           length of a step, in units of one collision (default 0.05)
  --seed N         of the random numbers (default 1)
  --temperature T  of the start, in units of the repulsion (default 0.01)
  --swirl V        root mean square speed of the vortices of the start (default 0.5)
  --workers N      Python processes that share each step (default 1)
  --help           print this`

export interface Options extends Settings {
  readonly port: number
}

const table: Record<keyof Options, { readonly range: Range; readonly otherwise: number }> = {
  port: { range: { least: 0, most: 65_535, whole: true }, otherwise: 8420 },
  particles: { range: ranges.particles, otherwise: 100_000 },
  dt: { range: ranges.dt, otherwise: 0.05 },
  seed: { range: ranges.reset, otherwise: 1 },
  temperature: { range: ranges.temperature, otherwise: 0.01 },
  swirl: { range: { least: 0, most: 10 }, otherwise: 0.5 },
  workers: { range: { least: 1, most: 64, whole: true }, otherwise: 1 },
}
const names = Object.keys(table) as (keyof Options)[]

/** Undefined when help was asked for. @throws UsageError */
export function parseOptions(args: string[]): Options | undefined {
  const values = parse(args)
  if (values.help) return undefined
  const read = (name: keyof Options): number => {
    const { range, otherwise } = table[name]
    const text = values[name]
    if (typeof text !== 'string') return otherwise
    const value = text.trim() === '' ? Number.NaN : Number(text.replaceAll('_', ''))
    if (within(range, value)) return value
    throw new UsageError(`--${name} must be ${described(range)}, got '${text}'`)
  }
  return Object.fromEntries(names.map(name => [name, read(name)])) as Record<keyof Options, number>
}

function parse(args: string[]): Record<string, string | boolean | undefined> {
  const options: NonNullable<ParseArgsConfig['options']> = { help: { type: 'boolean', short: 'h' } }
  for (const name of names) options[name] = { type: 'string' }
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: false }).values as Record<
      string,
      string | boolean | undefined
    >
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new UsageError(message.replaceAll('\n', ' '))
  }
}

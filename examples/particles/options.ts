import { parseArgs } from 'node:util'

const HELP = `Soft particles in a box: numpy computes, Node drives, the arrays are shared.

Usage: npm run demo -- [options]

  --particles N          how many (default 100000)
  --steps N              how many time steps (default 2000)
  --dt T                 length of a step, in units of one collision (default 0.05)
  --seed N               of the random numbers (default 1)
  --temperature T        of the start, in units of the repulsion (default 0.01)
  --swirl V              root mean square speed of the vortices of the start (default 0.5)
  --picture FILE         where the picture of the final state goes (default particles.png)
  --energy-picture FILE  also draw the energies over time, as SVG
  --json                 print the report as JSON
  --help                 print this`

const DEFINITIONS = {
  particles: { type: 'string', default: '100000' },
  steps: { type: 'string', default: '2000' },
  dt: { type: 'string', default: '0.05' },
  seed: { type: 'string', default: '1' },
  temperature: { type: 'string', default: '0.01' },
  swirl: { type: 'string', default: '0.5' },
  picture: { type: 'string', default: 'particles.png' },
  'energy-picture': { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

export interface Options {
  particles: number
  steps: number
  /** In units of one collision, s sqrt(m/k): see particles.py. */
  dt: number
  seed: number
  temperature: number
  swirl: number
  picture: string
  energyPicture: string | undefined
  json: boolean
}

/** What was asked for on the command line cannot be done; `message` is one line that says why. */
export class UsageError extends Error {
  readonly code = 'USAGE'
}

/** The options, or the text to print if only help was asked for. Throws {@link UsageError}. */
export function parseOptions(args: string[]): Options | string {
  const values = parse(args)
  if (values.help) return HELP
  const read = (name: NumberName, rule: Rule) => readNumber(name, values[name], rule)
  return {
    particles: read('particles', { whole: true, least: 1, most: 100_000_000 }),
    steps: read('steps', { whole: true, least: 1, most: 1e9 }),
    dt: read('dt', { above: 0, most: 1 }),
    seed: read('seed', { whole: true, least: 0, most: Number.MAX_SAFE_INTEGER }),
    temperature: read('temperature', { least: 0, most: 10 }),
    swirl: read('swirl', { least: 0, most: 10 }),
    picture: readFile('picture', values.picture),
    energyPicture: values['energy-picture'] && readFile('energy-picture', values['energy-picture']),
    json: values.json,
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options: DEFINITIONS, strict: true, allowPositionals: false }).values
  } catch (error) {
    const unknown = args.find(arg => arg.startsWith('--') && !(nameOf(arg) in DEFINITIONS))
    if (unknown) throw new UsageError(`unknown option --${nameOf(unknown)}${hint(nameOf(unknown))}`)
    const message = error instanceof Error ? error.message : String(error)
    throw new UsageError(message.replaceAll('\n', ' '))
  }
}

const nameOf = (arg: string) => arg.replace(/^--/, '').replace(/=.*/, '')

/** The option whose name begins most like the unknown one's. */
function hint(unknown: string): string {
  const shared = (name: string) => [...name].findIndex((letter, i) => letter !== unknown[i])
  const alike = Object.keys(DEFINITIONS)
    .map(name => ({
      name,
      letters: name === unknown.slice(0, name.length) ? name.length : shared(name),
    }))
    .sort((a, b) => b.letters - a.letters)[0]
  return alike && alike.letters >= 2 ? `: did you mean --${alike.name}?` : ''
}

type NumberName = 'particles' | 'steps' | 'dt' | 'seed' | 'temperature' | 'swirl'

interface Rule {
  whole?: boolean
  above?: number
  least?: number
  most: number
}

function readNumber(name: NumberName, text: string, rule: Rule): number {
  const value = text.trim() === '' ? Number.NaN : Number(text.replaceAll('_', ''))
  const { whole = false, above = -Infinity, least = -Infinity, most } = rule
  if (value > above && value >= least && value <= most && (!whole || Number.isInteger(value)))
    return value
  const range = rule.above === undefined ? `from ${least}` : `above ${above}`
  throw new UsageError(
    `--${name} must be a ${whole ? 'whole ' : ''}number ${range} to ${most}, got '${text}'`,
  )
}

function readFile(name: string, text: string): string {
  if (text === '') throw new UsageError(`--${name} needs the name of a file`)
  return text
}

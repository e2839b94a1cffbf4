import { parseArgs } from 'node:util'

const HELP = `Soft particles in a box: numpy computes, Node drives, the arrays are shared.

Usage: npm run demo -- [options]

  --particles N          how many (default 100000)
  --steps N              the step to end at (default 2000)
  --dt T                 length of a step, in units of one collision (default 0.05)
  --seed N               of the random numbers (default 1)
  --temperature T        of the start, in units of the repulsion (default 0.01)
  --swirl V              root mean square speed of the vortices of the start (default 0.5)
  --workers N            processes that compute each step together (default 1)
  --save DIR             save states there as .npy, and what is needed to go on
  --every N              save after every so many steps, and at the end (default 100)
  --resume DIR           go on with what was saved there, and save there again
  --picture FILE         the picture of the final state (default particles.png)
  --energy-picture FILE  the energies over time, as SVG (default particles-energy.svg)
  --json                 print the report as JSON
  --help                 print this

Ctrl-C, SIGTERM or the end of the terminal ends the run after its current step, with all that the end of a run does.
Ctrl-C after that ends it at once.`

const DEFINITIONS = {
  particles: { type: 'string' },
  steps: { type: 'string' },
  dt: { type: 'string' },
  seed: { type: 'string' },
  temperature: { type: 'string' },
  swirl: { type: 'string' },
  workers: { type: 'string', default: '1' },
  save: { type: 'string' },
  every: { type: 'string' },
  resume: { type: 'string' },
  picture: { type: 'string', default: 'particles.png' },
  'energy-picture': { type: 'string', default: 'particles-energy.svg' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** What decides how a run goes. A checkpoint keeps it. */
export interface Run {
  particles: number
  /** The last step. */
  steps: number
  /** In units of one collision, s sqrt(m/k): see particles.py. */
  dt: number
  seed: number
  temperature: number
  swirl: number
  /** Steps between two saved states. */
  every: number
}

const DEFAULT_RUN: Run = {
  particles: 100_000,
  steps: 2000,
  dt: 0.05,
  seed: 1,
  temperature: 0.01,
  swirl: 0.5,
  every: 100,
}

const RULES: Record<keyof Run | 'workers', Rule> = {
  particles: { whole: true, least: 1, most: 100_000_000 },
  steps: { whole: true, least: 1, most: 1e9 },
  dt: { above: 0, most: 1 },
  seed: { whole: true, least: 0, most: Number.MAX_SAFE_INTEGER },
  temperature: { least: 0, most: 10 },
  swirl: { least: 0, most: 10 },
  every: { whole: true, least: 1, most: 1e9 },
  workers: { whole: true, least: 1, most: 64 },
}

export interface Options {
  /** What was said of the run. */
  run: Partial<Run>
  workers: number
  save: string | undefined
  resume: string | undefined
  picture: string
  energyPicture: string
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
  const run: Partial<Run> = {}
  for (const name of Object.keys(DEFAULT_RUN) as (keyof Run)[]) {
    const text = values[name]
    if (text !== undefined) run[name] = readNumber(name, text)
  }
  const { save, resume } = values
  if (run.every !== undefined && save === undefined && resume === undefined)
    throw new UsageError('--every needs --save, the folder to save to')
  return {
    run,
    workers: readNumber('workers', values.workers),
    save: save === undefined ? undefined : readName('save', save, 'folder'),
    resume: resume === undefined ? undefined : readName('resume', resume, 'folder'),
    picture: readName('picture', values.picture, 'file'),
    energyPicture: readName('energy-picture', values['energy-picture'], 'file'),
    json: values.json,
  }
}

/** The run that was asked for: a new one, or the rest of one that was saved. Throws {@link UsageError}. */
export function runOf({ run, resume }: Options, saved?: { run: Run; step: number }): Run {
  if (!saved) return { ...DEFAULT_RUN, ...run }
  for (const name of ['particles', 'dt', 'seed', 'temperature', 'swirl'] as const)
    if (run[name] !== undefined && run[name] !== saved.run[name])
      throw new UsageError(
        `${resume} holds a run with --${name} ${saved.run[name]}, not ${run[name]}: leave that out, or begin a new run`,
      )
  const resumed = { ...saved.run, ...run }
  if (resumed.steps <= saved.step)
    throw new UsageError(`${resume} is at step ${saved.step} already: --steps says where to end`)
  return resumed
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

interface Rule {
  whole?: boolean
  above?: number
  least?: number
  most: number
}

function readNumber(name: keyof typeof RULES, text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text.replaceAll('_', ''))
  const { whole = false, above, least = -Infinity, most } = RULES[name]
  const inside = value > (above ?? -Infinity) && value >= least && value <= most
  if (inside && (!whole || Number.isInteger(value))) return value
  const range = above === undefined ? `from ${least}` : `above ${above}`
  throw new UsageError(
    `--${name} must be a ${whole ? 'whole ' : ''}number ${range} to ${most}, got '${text}'`,
  )
}

function readName(option: string, text: string, what: 'file' | 'folder'): string {
  if (text === '') throw new UsageError(`--${option} needs the name of a ${what}`)
  return text
}

// The command line of the bench.
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { cases } from './cases/index.js'
import { contenders } from './contenders/index.js'

export interface Options {
  readonly profile: 'quick' | 'normal' | 'full'
  readonly only: readonly string[]
  readonly contenders: readonly string[]
  readonly json: string | undefined
  readonly spin: number | undefined
}

export const usage = `Usage: npm run bench -- [options]

  --quick             one short round at a few sizes: does everything run?
  --full              five long rounds, every size, sizes that take up to 30 s a call
  --only a,b          only these cases
  --contender a,b     only these contenders
  --spin µs           spin budget passed to isthmus, instead of its default
  --json FILE         where to write the result (bench/results/<date>.json)
  --help              this text

Cases:
${describe(cases)}

Contenders:
${describe(contenders)}`

function describe(things: Readonly<Record<string, { readonly title: string }>>): string {
  return Object.entries(things)
    .map(([name, { title }]) => `  ${name.padEnd(24)} ${title}`)
    .join('\n')
}

export class UsageError extends Error {
  override name = 'UsageError'
}

function names(given: string | undefined, known: object, what: string): string[] {
  const chosen = given?.split(',').filter(Boolean) ?? []
  const unknown = chosen.find(name => !Object.hasOwn(known, name))
  if (unknown === undefined) return chosen
  throw new UsageError(`no ${what} named '${unknown}'; there are: ${Object.keys(known).join(', ')}`)
}

const known = {
  quick: { type: 'boolean' },
  full: { type: 'boolean' },
  only: { type: 'string' },
  contender: { type: 'string' },
  spin: { type: 'string' },
  json: { type: 'string' },
  help: { type: 'boolean' },
} as const

/** @throws UsageError */
export function parse<T extends NonNullable<ParseArgsConfig['options']>>(
  args: string[],
  options: T,
): ReturnType<typeof parseArgs<{ args: string[]; options: T }>>['values'] {
  try {
    return parseArgs({ args, options }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

/** Undefined when help was asked for. */
export function parseOptions(args: string[]): Options | undefined {
  const values = parse(args, known)
  if (values.help) return undefined
  if (values.quick && values.full) throw new UsageError('--quick and --full exclude each other')
  const spin = values.spin === undefined ? undefined : Number(values.spin)
  if (spin !== undefined && !(spin >= 0))
    throw new UsageError('--spin takes a number of µs, 0 or more')
  return {
    profile: values.quick ? 'quick' : values.full ? 'full' : 'normal',
    only: names(values.only, cases, 'case'),
    contenders: names(values.contender, contenders, 'contender'),
    json: values.json,
    spin,
  }
}

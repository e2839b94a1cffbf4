// The command line of the bench.
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { cases } from './cases/index.js'
import { contenders } from './contenders/index.js'
import { bytes } from './format.js'
import { isPackage } from './paths.js'

export interface Options {
  readonly profile: 'quick' | 'normal' | 'full'
  readonly only: readonly string[]
  readonly contenders: readonly string[]
  readonly sizes: readonly number[]
  readonly json: string | undefined
  readonly html: string | undefined
  readonly install: boolean
  readonly spin: number | undefined
}

const command = isPackage ? 'npx isthmus bench' : 'npm run bench --'

export const usage = `Usage: ${command} [options]

  (no option)         the contenders and sizes that are best known, five rounds: about two minutes
  --quick             the same, one short round: does everything run?
  --full              every case and contender: about 40 minutes
  --only a,b          only these cases, with all their contenders
  --contender a,b     only these contenders
  --size a,b          only these sizes, such as 64,4KB,1MB
  --spin µs           spin budget passed to isthmus, instead of its default
  --json FILE         where to write the result (${isPackage ? 'isthmus-bench-<date>.json' : 'bench/results/<date>.json'})
  --html FILE         where to write the page (beside the result)
${
  isPackage
    ? `  --install           first installs the contenders that are packages of npm or PyPI, into
                      $XDG_CACHE_HOME/isthmus/bench (or ~/.cache); without it they are left out
`
    : ''
}  --help              this text

Ctrl-C ends the run and writes what there is.

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

/** Bytes, from such as `64`, `4KB`, `1MB`, `1 GB`. */
function sizesOf(given: string | undefined): number[] {
  const known = new Set(Object.values(cases).flatMap(({ sizes }) => sizes))
  return (given?.split(',').filter(Boolean) ?? []).map(text => {
    const [, digits = '', unit = ''] = /^\s*([\d.]+)\s*([KMG]?)B?\s*$/i.exec(text) ?? []
    const size = Number(digits || NaN) * 1024 ** ' KMG'.indexOf(unit.toUpperCase() || ' ')
    if (known.has(size)) return size
    const all = [...known].filter(Boolean).sort((a, b) => a - b)
    throw new UsageError(`no case has the size '${text}'; there are: ${all.map(bytes).join(', ')}`)
  })
}

const known = {
  quick: { type: 'boolean' },
  full: { type: 'boolean' },
  only: { type: 'string' },
  contender: { type: 'string' },
  spin: { type: 'string' },
  size: { type: 'string' },
  json: { type: 'string' },
  html: { type: 'string' },
  install: { type: 'boolean' },
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
    sizes: sizesOf(values.size),
    json: values.json,
    html: values.html,
    install: values.install ?? false,
    spin,
  }
}

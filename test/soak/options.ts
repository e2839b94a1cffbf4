// The command line of the soak.
import { parseArgs } from 'node:util'

export interface Options {
  readonly minutes: number
  readonly seed: number
  /** Whether slopes are judged: some minutes are needed to tell one from noise. */
  readonly trend: boolean
  readonly svg: string
  readonly json: string
}

export const usage = `Usage: npm run verify -- soak [options]

  --minutes n     how long the load runs: 10
  --seed n        the same acts with the same values; when they meet is up to the machine
  --no-trend      only checks of results and of what is left; slopes are shown and not judged
  --out FILE      where to draw the picture: build/soak.svg
  --json FILE     where to write every second's figures: build/soak.json
  --save          the same as --out docs/soak.svg --json test/soak/results/soak.json
  --help          this text

It ends with an error if a result was wrong, something hung, a process, segment, descriptor, lease or block was left, or
a series rises: if with 99.9 % confidence it grows by more than 32 MB, or 6 things, in an hour.`

export class UsageError extends Error {
  override name = 'UsageError'
}

/** Undefined when help was asked for. */
export function parseOptions(args: string[]): Options | undefined {
  const { values } = parseArgs({
    args,
    allowNegative: true,
    options: {
      minutes: { type: 'string', default: '10' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      trend: { type: 'boolean', default: true },
      out: { type: 'string' },
      json: { type: 'string' },
      save: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) return undefined
  const minutes = Number(values.minutes)
  if (!(minutes > 0)) throw new UsageError('--minutes takes a number above 0')
  const seed = Number(values.seed)
  if (!Number.isInteger(seed)) throw new UsageError('--seed takes a whole number')
  return {
    minutes,
    seed,
    trend: values.trend,
    svg: values.out ?? (values.save ? 'docs/soak.svg' : 'build/soak.svg'),
    json: values.json ?? (values.save ? 'test/soak/results/soak.json' : 'build/soak.json'),
  }
}

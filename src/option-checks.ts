import { inspect } from 'node:util'
import { parseBytes } from './byte-size.js'
import { OptionError } from './errors.js'
import { restartDefaults } from './restart.js'
import { didYouMean } from './spelling.js'

/** Turns what was given for an option, perhaps nothing, into its value, or says what it may be. */
type Check<T> = (given: unknown) => T | Refused
type Values<Checks> = { [Name in keyof Checks]: Checks[Name] extends Check<infer T> ? T : never }

class Refused {
  constructor(readonly expected: string) {}
}

/** @param what whose options they are: `spawn()` */
export function checked<Checks extends Record<string, Check<unknown>>>(
  what: string,
  options: object,
  checks: Checks,
): Values<Checks> {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new OptionError(`the options of ${what} are an object, not ${show(options)}`)
  const given = options as Readonly<Record<string, unknown>>
  const names = Object.keys(checks)
  for (const name of Object.keys(given))
    if (!Object.hasOwn(checks, name))
      throw new OptionError(
        `${what} has no option '${name}'${didYouMean(name, names) || `; it has ${names.join(', ')}`}`,
      )
  const entries = Object.entries(checks).map(([name, check]) => {
    const value = check(given[name])
    if (value instanceof Refused)
      throw new OptionError(
        `option '${name}' of ${what} is ${value.expected}, not ${show(given[name])}`,
      )
    return [name, value]
  })
  return Object.fromEntries(entries) as Values<Checks>
}

const show = (value: unknown) =>
  inspect(value, { depth: 0, breakLength: Infinity, maxStringLength: 80 })

const optional =
  <T>(check: Check<T>): Check<T | undefined> =>
  given =>
    given === undefined ? undefined : check(given)

const withDefault =
  <T, const D extends T>(value: D, check: Check<T>): Check<T> =>
  given =>
    given === undefined ? value : check(given)

const text: Check<string> = given =>
  typeof given === 'string' && given !== '' ? given : new Refused('a non-empty string')

const flag: Check<boolean> = given =>
  typeof given === 'boolean' ? given : new Refused('true or false')

const stream: Check<'inherit' | 'ignore' | 'events'> = given =>
  given === 'inherit' || given === 'ignore' || given === 'events'
    ? given
    : new Refused("'inherit', 'ignore' or 'events'")

const maxTimer = 2 ** 31 - 1

const milliseconds: Check<number> = given =>
  typeof given === 'number' && given >= 0 && given <= maxTimer
    ? given
    : new Refused(`milliseconds from 0 (no limit) to ${maxTimer}`)

const count =
  (least: number, most: number): Check<number> =>
  given =>
    typeof given === 'number' &&
    given >= least &&
    given <= most &&
    (Number.isInteger(given) || given === Infinity)
      ? given
      : new Refused(`a whole number from ${least} ${most === Infinity ? 'up' : `to ${most}`}`)

const size =
  (least: number): Check<number> =>
  given => {
    const bytes = parseBytes(given)
    return bytes !== undefined && bytes >= least
      ? bytes
      : new Refused(`a number of bytes from ${least} up, or a text such as '512MiB' or '2GB'`)
  }

const ring: Check<number> = given => {
  const bytes = parseBytes(given)
  return bytes !== undefined &&
    bytes >= 4096 &&
    bytes <= 2 ** 30 &&
    Number.isInteger(Math.log2(bytes))
    ? bytes
    : new Refused("a power of two from 4096 to 2^30 bytes, or a text such as '1MiB'")
}

const spin: Check<number | 'auto'> = given =>
  given === 'auto' || (typeof given === 'number' && given >= 0 && given <= 1e6)
    ? given
    : new Refused("'auto', or microseconds from 0 (off) to 1000000")

const variables: Check<Readonly<Record<string, string | undefined>>> = given => {
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) {
    const wrong = Object.values(given).some(
      value => value !== undefined && typeof value !== 'string',
    )
    if (!wrong) return given as Readonly<Record<string, string | undefined>>
  }
  return new Refused('an object of strings (undefined removes a variable)')
}

const list: Check<readonly unknown[]> = given =>
  Array.isArray(given) ? given : new Refused('an array')

const anything: Check<unknown> = given => given

const signal: Check<AbortSignal> = given =>
  given instanceof AbortSignal ? given : new Refused('an AbortSignal')

const progress: Check<(fraction: number, text: string | undefined) => void> = given =>
  typeof given === 'function'
    ? (given as (fraction: number, text: string | undefined) => void)
    : new Refused('a function of a fraction and a text')

const kill: Check<number | undefined> = given => {
  if (given === true) return 1000
  if (given === false) return undefined
  const time = milliseconds(given)
  return time instanceof Refused ? new Refused('true, false or milliseconds') : time
}

const milliSpan: Check<number> = given => (given === Infinity ? given : milliseconds(given))

/** A call that must be given to a worker of its own is known by a text or a number. */
const key: Check<string | number> = given =>
  typeof given === 'string' || Number.isFinite(given)
    ? (given as string | number)
    : new Refused('a text or a number')

const restartChecks = {
  limit: withDefault(restartDefaults.limit, count(0, Infinity)),
  window: withDefault(restartDefaults.window, milliSpan),
  delay: withDefault(restartDefaults.delay, milliseconds),
  maxDelay: withDefault(restartDefaults.maxDelay, milliseconds),
}

const restart: Check<false | typeof restartDefaults> = given => {
  if (given === false) return false
  if (given === true) return restartDefaults
  if (typeof given !== 'object' || given === null)
    return new Refused('true, false or an object of limit, window, delay, maxDelay')
  return checked('the option restart', given, restartChecks)
}

const interrupt: Check<number | false> = given => {
  if (given === false) return false
  const time = milliseconds(given)
  return time instanceof Refused ? new Refused('false or milliseconds') : time
}

const page = 4096

export const spawnChecks = {
  python: optional(text),
  cwd: optional(text),
  env: withDefault({}, variables),
  stdout: withDefault('inherit', stream),
  stderr: withDefault('inherit', stream),
  startTimeout: withDefault(0, milliseconds),
  timeout: withDefault(0, milliseconds),
  window: withDefault(1024, count(1, 65_536)),
  maxQueue: withDefault(Infinity, count(0, Infinity)),
  ringBytes: withDefault(2 ** 20, ring),
  memory: optional(size(page)),
  arena: optional(size(page)),
  retain: optional(size(0)),
  prefault: withDefault(0, size(0)),
  spin: withDefault('auto', spin),
  threads: withDefault(1, count(1, 256)),
  detach: withDefault(true, flag),
  restart: withDefault(false, restart),
  watch: withDefault(false, flag),
}

export const poolChecks = {
  ...spawnChecks,
  restart: withDefault(restartDefaults, restart),
  workers: optional(count(1, 4096)),
  concurrency: optional(count(1, 65_536)),
}

export const closeChecks = {
  grace: withDefault(0, milliSpan),
  force: withDefault(false, flag),
}

export const mapChecks = {
  chunk: optional(count(1, Infinity)),
  args: withDefault([], list),
  into: optional(anything),
  signal: optional(signal),
}

export const callChecks = {
  signal: optional(signal),
  timeout: optional(milliseconds),
  onProgress: optional(progress),
  interrupt: optional(interrupt),
  kill: optional(kill),
  window: optional(count(1, 65_536)),
  affinity: optional(key),
}

// How many threads the numeric libraries of one worker may start. Left alone, each takes all CPUs, and n workers n times as many.

const variables = [
  'OMP_NUM_THREADS',
  'OPENBLAS_NUM_THREADS',
  'MKL_NUM_THREADS',
  'NUMEXPR_NUM_THREADS',
  'BLIS_NUM_THREADS',
  'VECLIB_MAXIMUM_THREADS',
]

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Environment variables for each of `workers`.
 * @param given the option `env`: what it has, also as undefined, the user has decided; so has `inherited` what it has
 */
export function threadCounts(
  workers: number,
  usableCpus: number,
  given: Environment,
  inherited: Environment = process.env,
): Record<string, string> {
  const count = String(Math.max(1, Math.floor(usableCpus / workers)))
  const open = variables.filter(
    name => !Object.hasOwn(given, name) && inherited[name] === undefined,
  )
  return Object.fromEntries(open.map(name => [name, count]))
}

// Mixed load over the public API for minutes: are all results right, and do memory, descriptors and leases stay flat?
import { count, shown } from '../count.mjs'
import { run as quietly, root } from '../step.mjs'

export const about =
  'ten minutes of mixed load, with workers killed: right results, and nothing that grows'

const program = ['--expose-gc', '--enable-source-maps', `${root}/build/ts/test/soak/main.js`]

/** What they mean in full: test/soak/options.ts. */
export const options = {
  minutes: { type: 'string', help: 'n: how long the load runs: 10' },
  seed: { type: 'string', help: 'n: which acts and values' },
  'no-trend': { type: 'boolean', help: 'slopes are shown and not judged' },
  out: { type: 'string', help: 'file: where to draw the picture: build/soak.svg' },
  json: { type: 'string', help: "file: where to write every second's figures: build/soak.json" },
  save: { type: 'boolean', help: 'picture and figures go where they are committed' },
}

const threshold = 'MALLOC_MMAP_THRESHOLD_'

export const variables = {
  [threshold]: 'bytes from which glibc returns what is freed: 131072; empty: as glibc sees fit',
}

/**
 * Once a large block was freed, glibc takes blocks of up to that size, at most 32 MB, from its heap, which is returned only
 * from its end: any small block that was put behind a large one keeps its pages. Private memory would climb for minutes, and
 * look like a leak (docs/verification.md). Setting the threshold keeps it where it is.
 */
const env = {
  ...process.env,
  [threshold]: (process.env[threshold] ?? '131072') || undefined,
}

export async function run({ short, options }) {
  const given = Object.entries(options).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : [`--${name}`, value],
  )
  const output = short
    ? await quietly(process.execPath, [...program, '--minutes', '0.2', '--no-trend'], { env })
    : (await shown(process.execPath, [...program, ...given], { env })).output
  const tried = output.split('\n').filter(line => /^seed |^arrays: |^a small call: /.test(line))
  return { ...count(output), tried }
}

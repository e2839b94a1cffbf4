// Mixed load over the public API for minutes: are all results right, and do memory, descriptors and leases stay flat?
// Options: npm run verify -- soak --help
import { count, shown } from '../count.mjs'
import { run as quietly, root } from '../step.mjs'

export const about =
  'ten minutes of mixed load, with workers killed: right results, and nothing that grows'

const program = ['--expose-gc', '--enable-source-maps', `${root}/build/ts/test/soak/main.js`]

/** Those after the name of the part. */
function given() {
  const args = process.argv.slice(2)
  const first = args.findIndex(argument => argument.startsWith('-'))
  return first < 0 ? [] : args.slice(first).filter(argument => argument !== '--short')
}

export async function run({ short }) {
  const output = short
    ? await quietly(process.execPath, [...program, '--minutes', '0.2', '--no-trend'])
    : (await shown(process.execPath, [...program, ...given()])).output
  const tried = output.split('\n').filter(line => /^seed |^arrays: |^a small call: /.test(line))
  return { ...count(output), tried }
}

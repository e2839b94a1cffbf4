// npm run verify [-- part …] [--short]: attacks the bridge in every way we know, and says what was tried and what survived.
// The parts are the modules in scripts/verify/; `npm test` runs the short form of each.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { closingLine, sum } from './count.mjs'
import { setup } from './setup.mjs'
import { main, root, StepError } from './step.mjs'

/** In this order: first what needs no running bridge, last what takes longest. */
const parts = [
  'models',
  'interleavings',
  'fuzz',
  'coverage',
  'decoders',
  'mutation',
  'faults',
  'kills',
  'soak',
  'packages',
  'audit',
].filter(name => existsSync(join(root, 'scripts/verify', `${name}.mjs`)))

const load = name => import(`./verify/${name}.mjs`)

function duration(seconds) {
  return seconds < 100 ? `${seconds.toFixed(1)} s` : `${(seconds / 60).toFixed(1)} min`
}

/** Runs the parts one after the other; a part that throws has failed. */
export async function verify({ short = false, only = parts } = {}) {
  const rows = []
  for (const name of only) {
    const { about, run } = await load(name)
    if (!short) console.log(`\n== ${name}: ${about}`)
    const started = performance.now()
    let result
    try {
      result = await run({ short })
    } catch (error) {
      console.log(error instanceof StepError ? error.message : error)
      result = { passed: 0, failed: 1, tried: [error.message.split('\n')[0]] }
    }
    rows.push({ skipped: 0, ...result, name, seconds: (performance.now() - started) / 1000 })
  }
  for (const row of rows.filter(({ tried }) => tried.length > 0)) {
    const verdict =
      row.failed > 0 ? 'FAILED' : row.passed === 0 && row.skipped > 0 ? 'skipped' : 'ok'
    const figures = [
      ...row.tried,
      `${row.passed} passed, ${row.failed} failed`,
      duration(row.seconds),
    ]
    console.log(`${verdict.padEnd(8)}${row.name.padEnd(15)}${figures.join(' · ')}`)
  }
  return rows
}

function help(abouts) {
  const lines = abouts.map(({ name, about }) => `  ${name.padEnd(15)}${about}`)
  return `npm run verify [-- part …] [--short] [options of a part]

${lines.join('\n')}

  --short        what \`npm test\` runs of each part: seconds instead of minutes

What each part does, its options, and the figures of the last full run: docs/verification.md.`
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(async () => {
    const args = process.argv.slice(2)
    if (args.includes('--help')) {
      const abouts = await Promise.all(
        parts.map(async name => ({ name, about: (await load(name)).about })),
      )
      console.log(help(abouts))
      return 0
    }
    const options = args.findIndex(argument => argument.startsWith('-'))
    const named = options < 0 ? args : args.slice(0, options)
    const unknown = named.filter(name => !parts.includes(name))
    if (unknown.length > 0)
      throw new StepError(`there is no part ${unknown.join(', ')}; there are: ${parts.join(', ')}`)
    await setup()
    const rows = await verify({
      short: args.includes('--short'),
      only: named.length > 0 ? named : parts,
    })
    const report = 'build/verify.json'
    mkdirSync(join(root, 'build'), { recursive: true })
    writeFileSync(join(root, report), `${JSON.stringify(rows, null, 2)}\n`)
    console.log(`\nwritten to ${report}\n${closingLine(sum(rows))}`)
    return sum(rows).failed > 0 ? 1 : 0
  })
}

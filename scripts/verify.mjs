// npm run verify -- [parts] [options]: attacks the bridge in every way we know, and says what was tried and what survived.
// The parts are the modules in scripts/verify/; `npm test` runs the short form of each. A part exports
//   about       what it attacks, in a line
//   run         ({ short, options }) => { passed, failed, skipped, tried: figures in words }
//   options     those it takes, for parseArgs(), and what they mean
//   variables   of the environment, and what they mean
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
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
]

const load = name => import(`./verify/${name}.mjs`)

function duration(seconds) {
  return seconds < 100 ? `${seconds.toFixed(1)} s` : `${(seconds / 60).toFixed(1)} min`
}

/** Runs the parts one after the other; a part that throws has failed. */
export async function verify({ short = false, only = parts, given = {} } = {}) {
  const rows = []
  for (const name of only) {
    const { about, run, options: known = {} } = await load(name)
    const options = Object.fromEntries(Object.entries(given).filter(([name]) => name in known))
    if (!short) console.log(`\n== ${name}: ${about}`)
    const started = performance.now()
    let result
    try {
      result = await run({ short, options })
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

function help(modules) {
  const lines = (entries, words) =>
    Object.entries(entries).map(([name, value]) => `      ${words(name, value)}`)
  const described = parts.flatMap((name, at) => {
    const { about, options = {}, variables = {} } = modules[at]
    return [
      `  ${name.padEnd(15)}${about}`,
      ...lines(options, (option, { help }) => `${`--${option}`.padEnd(24)}${help}`),
      ...lines(variables, (variable, meaning) => `${variable.padEnd(24)}${meaning}`),
    ]
  })
  return `npm run verify -- [parts] [options]

${described.join('\n')}

  --short        what \`npm test\` runs of each part: seconds instead of minutes
  --help         this text

In capitals: variables of the environment. What each part does, and the figures of the last full run:
docs/verification.md.`
}

/** The options of the parts that were named, or of all. @throws StepError */
async function parsed(args) {
  const modules = await Promise.all(parts.map(load))
  const options = Object.assign({}, ...modules.map(({ options = {} }) => options))
  const general = { short: { type: 'boolean' }, help: { type: 'boolean' } }
  let result
  try {
    result = parseArgs({ args, allowPositionals: true, options: { ...options, ...general } })
  } catch (error) {
    throw new StepError(`${error.message.split('. ')[0]}; --help lists what there is`)
  }
  const { help: asked, short, ...given } = result.values
  const named = result.positionals
  const unknown = named.filter(name => !parts.includes(name))
  if (unknown.length > 0)
    throw new StepError(`there is no part ${unknown.join(', ')}; there are: ${parts.join(', ')}`)
  const only = named.length > 0 ? named : parts
  const foreign = Object.keys(given).filter(
    option => !only.some(name => option in (modules[parts.indexOf(name)].options ?? {})),
  )
  if (foreign.length > 0) throw new StepError(`${only.join(', ')}: no option --${foreign[0]}`)
  return { text: asked ? help(modules) : undefined, short, only, given }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(async () => {
    const { text, ...what } = await parsed(process.argv.slice(2))
    if (text !== undefined) {
      console.log(text)
      return 0
    }
    await setup()
    const rows = await verify(what)
    const report = 'build/verify.json'
    mkdirSync(join(root, 'build'), { recursive: true })
    writeFileSync(join(root, report), `${JSON.stringify(rows, null, 2)}\n`)
    console.log(`\nwritten to ${report}\n${closingLine(sum(rows))}`)
    return sum(rows).failed > 0 ? 1 : 0
  })
}

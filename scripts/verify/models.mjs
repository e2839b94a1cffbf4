// Checks every model of test/models over its whole state space, and that its mutants do not hold. Format: test/models/README.md.
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { absent } from '../absent.mjs'
import { findSpin } from '../spin.mjs'
import { run as execute, filesUnder, root, StepError } from '../step.mjs'

export const about =
  'protocols as Promela models: every interleaving, and mutants that must not hold'
export const options = { model: { type: 'string', help: 'name: only this one' } }

const out = join(root, 'build/models')
const memoryMegabytes = 3500
const mutantsInShort = 5 // at most, of each model: to compile one takes longer than to catch it
const ofCompiler = /^-D(COLLAPSE|NOREDUCE|NP|BFS|VECTORSZ|NFAIR)\b/

/** What the comment at the head of a model says. */
export function parse(file) {
  const text = readFileSync(join(root, file), 'utf8')
  const head = text.slice(0, text.indexOf('*/'))
  const lines = tag =>
    [...head.matchAll(new RegExp(`^ \\* ${tag}(?: (\\w+))?(?: \\((\\w+)\\))?: (.*)$`, 'gm'))].map(
      ([, name, config, value]) => ({ name, config, value: value.trim() }),
    )
  const flags = ({ name, value }) => ({ name, flags: value === '' ? [] : value.split(/\s+/) })
  const included = [...text.matchAll(/^#include "(.*)"$/gm)].map(([, name]) =>
    join(root, 'test/models', name),
  )
  const model = {
    file,
    included,
    name: basename(file, '.pml'),
    configs: lines('CONFIG').map(flags),
    long: lines('LONG').map(flags),
    small: lines('SMALL').flatMap(line => flags(line).flags),
    mutants: lines('MUTANT'),
  }
  if (model.configs.length === 0) model.configs.push({ name: 'default', flags: [] })
  const all = text + included.map(path => readFileSync(path, 'utf8')).join('')
  const used = new Set([...all.matchAll(/\bMUTANT_(\w+)/g)].map(([, name]) => name))
  const named = new Set(model.mutants.map(mutant => mutant.name))
  const different = [...used, ...named].filter(name => used.has(name) !== named.has(name))
  if (different.length > 0)
    throw new Error(`${file}: mutants of the head and of the model differ: ${different}`)
  return model
}

/** Later definitions of a macro replace earlier ones. */
function merged(...lists) {
  const byName = new Map()
  for (const flag of lists.flat()) byName.set(flag.split('=')[0], flag)
  return [...byName.values()]
}

/** Every search: each configuration as it is, and each mutant in one configuration, the first unless it names another. */
function searches(model, short) {
  const small = short ? model.small : []
  const plain = [
    ...model.configs.map(({ name, flags }) => ({ name, flags: merged(flags, small) })),
    ...(short ? [] : model.long),
  ]
  const mutants = model.mutants.flatMap(({ name, config, value }) => {
    const long = model.long.find(each => each.name === config)
    const found =
      config === undefined ? model.configs[0] : model.configs.find(each => each.name === config)
    if (long === undefined && found === undefined)
      throw new Error(`${model.file}: no configuration ${config}, which mutant ${name} names`)
    if (long !== undefined && short) return []
    const flags = long === undefined ? merged(found.flags, model.small) : long.flags
    return [{ name, mutant: value, flags: [...flags, `-DMUTANT_${name}`] }]
  })
  const step = short ? Math.ceil(mutants.length / mutantsInShort) : 1
  const tried = mutants.filter((_, at) => at % step === 0)
  return [...plain, ...tried].map(search => ({ model, ...search }))
}

async function search(spin, { model, name, mutant, flags }, short) {
  const folder = join(out, model.name, mutant === undefined ? name : `mutant_${name}`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const file = `${model.name}.pml`
  for (const path of [join(root, model.file), ...model.included])
    cpSync(path, join(folder, basename(path)))
  const options = { cwd: folder }
  const defined = flags.filter(flag => flag.startsWith('-D'))
  const asked = flags.filter(flag => !flag.startsWith('-D'))
  const kind = asked.includes('-l') ? ['-DNP'] : asked.includes('-a') ? [] : ['-DSAFETY']
  const compiler = [
    `-DMEMLIM=${memoryMegabytes}`,
    ...kind,
    ...defined.filter(flag => ofCompiler.test(flag)),
  ]
  const started = performance.now()
  await execute(spin, ['-a', ...defined, file], options)
  const speed = mutant === undefined ? '-O1' : '-O0' // to compile takes longer than most searches
  await execute('cc', [speed, '-w', ...compiler, '-o', 'pan', 'pan.c'], options)
  const output = await execute(
    './pan',
    [`-m${short ? 1 : 5}000000`, `-w${short ? 20 : 24}`, ...asked],
    options,
  )
  const figure = pattern => Number(output.match(pattern)?.[1] ?? 'NaN')
  const result = {
    errors: figure(/errors: (\d+)/),
    states: figure(/^\s*([\d.e+]+) states, stored/m),
    transitions: figure(/^\s*([\d.e+]+) transitions/m),
    depth: figure(/depth reached (\d+)/),
    megabytes: figure(/([\d.]+)\s+total actual memory usage/),
    seconds: (performance.now() - started) / 1000,
    complete: !/max search depth too small|not completed|out of memory|MEMLIM bound/i.test(output),
    reason: output.match(/^pan:\d+: (.*)$/m)?.[1] ?? '',
    output,
  }
  if (result.errors > 0 && mutant === undefined) {
    const trail = await execute(spin, ['-t', '-p', '-g', ...defined, file], options)
    result.trail = trail.split('\n').slice(-120).join('\n')
  }
  return result
}

const grouped = number => Math.round(number).toLocaleString('en-US')

function report({ model, name, mutant }, result, short) {
  const holds = result.errors === 0 && result.complete
  const passed = mutant === undefined ? holds : result.errors > 0
  const what = mutant === undefined ? name : `mutant ${name}`
  const said = mutant === undefined || !passed ? figures(result) : `caught: ${result.reason}`
  if (!passed || !short)
    console.log(`  ${passed ? ' ' : '✗'} ${model.name.padEnd(12)} ${what.padEnd(34)} ${said}`)
  if (passed) return true
  if (mutant !== undefined) console.log(`\n${model.file} holds although: ${mutant}\n`)
  else
    console.log(
      `\n${model.file}: ${result.reason || 'the search is not complete'}\n${result.trail ?? result.output}`,
    )
  return false
}

const figures = result =>
  `${grouped(result.states)} states, ${grouped(result.transitions)} transitions, depth ${grouped(result.depth)}, ` +
  `${grouped(result.megabytes)} MB, ${result.seconds.toFixed(1)} s`

export async function run({ short, options: { model: only } }) {
  const spin = await findSpin()
  if (spin === null)
    return absent('models: `spin` was not found (on Debian: apt-get install spin)', { short })
  const models = filesUnder('test/models', path => path.endsWith('.pml'))
    .map(parse)
    .filter(({ name }) => only === undefined || name === only)
  if (models.length === 0) throw new StepError(`there is no model ${only}`)
  const waiting = models.flatMap(model => searches(model, short))
  const totals = { passed: 0, failed: 0, states: 0, mutants: 0 }
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const result = await search(spin, next, short)
      if (report(next, result, short)) totals.passed++
      else totals.failed++
      if (next.mutant === undefined) totals.states += result.states
      else totals.mutants++
    }
  }
  await Promise.all([work(), work()])
  const tried = [
    `${grouped(totals.states)} states of ${models.length} models`,
    `${totals.mutants} mutants of them`,
  ]
  return { passed: totals.passed, failed: totals.failed, tried }
}

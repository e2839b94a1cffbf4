// Fuzzes native/core: one libFuzzer program per target, under the address and undefined-behaviour sanitizers, two at a time.
import { spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { absent } from '../absent.mjs'
import { commonFlags, compile, link } from '../compile.mjs'
import { coreSources } from '../native-flags.mjs'
import { filesUnder, root, run as runCommand, StepError } from '../step.mjs'

export const about = 'hostile bytes for messages, rings, channels and ledgers of native/core'
export const options = {
  minutes: { type: 'string', help: 'n: for all targets together: 20' },
  runs: { type: 'string', help: 'n: so many executions of each target, however long they take' },
  target: { type: 'string', help: 'name: only this one' },
  minimise: { type: 'boolean', help: 'what was found so far becomes the committed corpus' },
}

const compiler = 'clang++'
const sanitizers = ['-fsanitize=address,undefined', '-fno-sanitize-recover=undefined']
const flags = [...commonFlags, '-O2', '-fno-omit-frame-pointer', ...sanitizers]
const jobs = 2
const secondsShort = 4 // of each target
// Messages are as long as a record of a small ring; programmes are 64 operations.
const longest = target => (target === 'message' ? 2048 : 1024)

const environment = {
  ...process.env,
  // Leaks are looked for by the native tests, which replay the corpus: after every single execution it would take too long.
  ASAN_OPTIONS: 'detect_leaks=0:quarantine_size_mb=8:malloc_context_size=8',
  UBSAN_OPTIONS: 'print_stacktrace=1',
}

const targetNames = () =>
  filesUnder('test/fuzz', path => path.endsWith('_fuzz.cc')).map(path => basename(path, '_fuzz.cc'))

const corpusOf = target => join('test/fuzz/corpus', target)
const foundBy = target => join('.cache/fuzz', target)

function filesIn(folder) {
  mkdirSync(join(root, folder), { recursive: true })
  return readdirSync(join(root, folder))
}

/** Only the core is instrumented for coverage: how a harness gets somewhere is of no interest. */
async function build(targets) {
  const core = coreSources()
    .filter(source => source.startsWith('native/core/'))
    .map(source => ({ source, flags: [...flags, '-fsanitize=fuzzer-no-link'] }))
  const own = filesUnder('test/fuzz', path => path.endsWith('.cc'))
  const harness = own.filter(source => !source.endsWith('_fuzz.cc'))
  const sources = [
    ...core,
    ...[...harness, ...own.filter(source => !harness.includes(source))].map(source => ({
      source,
      flags,
    })),
  ]
  const objects = await compile({ name: 'fuzz', compiler, sources })
  const shared = objects.slice(0, core.length + harness.length)
  const programs = {}
  for (const target of targets)
    programs[target] = await link({
      compiler,
      flags: ['-fsanitize=fuzzer', ...sanitizers, '-pthread'],
      objects: [...shared, objects.find(object => object.endsWith(`/${target}_fuzz.o`))],
      program: join('build/fuzz', target),
    })
  return programs
}

/** What libFuzzer says of itself: `#1234 NEW cov: 846 ft: 3678 corp: 429/350Kb …`, and `stat::…` at the end. */
function readFigures(text, figures) {
  for (const [, executions, coverage, corpus] of text.matchAll(
    /^#(\d+)\s.*?cov: (\d+) .*?corp: (\d+)\//gm,
  ))
    Object.assign(figures, {
      executions: Number(executions),
      coverage: Number(coverage),
      corpus: Number(corpus),
    })
  const number = name => text.match(new RegExp(`^stat::${name}:\\s+([\\d.]+)`, 'm'))?.[1]
  figures.executions = Number(number('number_of_executed_units') ?? figures.executions)
  figures.cpuSeconds = Number(number('cpu_seconds') ?? figures.cpuSeconds)
}

/** Runs one target; what broke is kept among the crashes, which the native tests replay from then on. */
async function fuzz(target, program, limits) {
  const figures = { target, executions: 0, coverage: 0, corpus: 0, cpuSeconds: 0, crashes: [] }
  const artifacts = join('build/fuzz/found', target)
  rmSync(join(root, artifacts), { recursive: true, force: true })
  filesIn(artifacts)
  const folders = [foundBy(target), corpusOf(target), join('test/fuzz/crashes', target)]
  for (const folder of folders) filesIn(folder)
  const options = {
    max_len: longest(target),
    artifact_prefix: `${artifacts}/`,
    print_final_stats: 1,
    entropic: 0,
    timeout: 60,
    rss_limit_mb: 3000,
    ...limits,
  }
  const args = Object.entries(options).map(([name, value]) => `-${name}=${value}`)
  const child = spawn(program, [...args, ...folders], {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let output = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    output = (output + text).slice(-65_536)
    readFigures(output, figures)
  })
  return {
    figures,
    ended: new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', code => {
        for (const name of filesIn(artifacts)) {
          const kept = join('test/fuzz/crashes', target, name)
          copyFileSync(join(root, artifacts, name), join(root, kept))
          figures.crashes.push(kept)
        }
        figures.failed = code !== 0
        if (figures.failed) console.log(`\n${target}: ended with ${code}\n${output.slice(-6000)}`)
        resolve(figures)
      })
    }),
  }
}

const shown = number => Math.round(number).toLocaleString('en-US')

function line({ target, executions, coverage, corpus, cpuSeconds, crashes }) {
  const figures = [`${shown(executions)} executions`, `${coverage} edges`, `${corpus} inputs`]
  if (cpuSeconds > 0) figures.push(`${shown(cpuSeconds)} s of CPU`)
  if (crashes.length > 0) figures.push(`BROKE: ${crashes.join(', ')}`)
  return `  ${target.padEnd(16)}${figures.join(' · ')}`
}

/** Every target, two at a time; says now and then how far those are that run. */
async function fuzzAll(programs, limits, quiet) {
  const queue = Object.entries(programs)
  const running = new Set()
  const results = []
  const show = () => running.size > 0 && console.log([...running].map(line).join('\n'))
  const progress = quiet ? undefined : setInterval(show, process.stdout.isTTY ? 10_000 : 60_000)
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const { figures, ended } = await fuzz(...next, limits)
      running.add(figures)
      results.push(await ended)
      running.delete(figures)
      if (!quiet) console.log(line(figures))
    }
  }
  try {
    await Promise.all(Array.from({ length: jobs }, worker))
  } finally {
    clearInterval(progress)
  }
  return results
}

/** The fewest inputs that reach every edge that all of them reach. */
async function minimise(target, program) {
  const fewest = join('build/fuzz/fewest', target)
  rmSync(join(root, fewest), { recursive: true, force: true })
  filesIn(fewest)
  const options = ['-set_cover_merge=1', '-use_counters=0', `-max_len=${longest(target)}`]
  await runCommand(program, [...options, fewest, corpusOf(target), foundBy(target)], {
    env: environment,
  })
  rmSync(join(root, corpusOf(target)), { recursive: true, force: true })
  const kept = filesIn(fewest)
  filesIn(corpusOf(target))
  for (const name of kept)
    copyFileSync(join(root, fewest, name), join(root, corpusOf(target), name))
  console.log(`  ${target.padEnd(16)}${kept.length} inputs are the corpus now`)
}

export async function run({ short, options: { minutes = 20, runs, target, minimise: renews } }) {
  const clang = await runCommand(compiler, ['--version']).catch(() => undefined)
  if (clang === undefined)
    return absent('fuzz: `clang++` was not found (on Debian: apt-get install clang)', { short })
  const targets = targetNames().filter(name => target === undefined || name === target)
  if (targets.length === 0) throw new StepError(`there is no target ${target}`)
  const programs = await build(targets)
  const seconds = short
    ? secondsShort
    : Math.max(1, Math.round((Number(minutes) * 60 * jobs) / targets.length))
  const limits = runs === undefined ? { max_total_time: seconds } : { runs: Number(runs) }
  if (short) limits.seed = 1
  const results = await fuzzAll(programs, limits, short)
  const broken = results.filter(({ failed }) => failed)
  if (renews && broken.length === 0)
    for (const [target, program] of Object.entries(programs))
      if (target !== 'race') await minimise(target, program) // what that one reaches is chance
  const total = results.reduce((sum, { executions }) => sum + executions, 0)
  const cpu = results.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)
  return {
    passed: results.length - broken.length,
    failed: broken.length,
    tried: [
      `${shown(total)} executions of ${results.length} targets`,
      ...(short ? [] : [`${shown(cpu)} s of CPU`]),
    ],
  }
}

// Which lines of native/core the native tests and the fuzzer's corpus reach. clang counts them.
import { mkdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { absent } from '../absent.mjs'
import { commonFlags, compile, link } from '../compile.mjs'
import { coreSources } from '../native-flags.mjs'
import { filesUnder, root, run as runCommand } from '../step.mjs'

export const about = 'lines of native/core that native tests and the corpus of the fuzzer reach'

const least = 95 // percent
const compiler = 'clang++'
const instrumentation = ['-fprofile-instr-generate', '-fcoverage-mapping']
const plain = [...commonFlags, '-O1', '-DISTHMUS_YIELDS']
const folder = 'build/coverage'

const cc = path => path.endsWith('.cc')

/**
 * Two programs: the native tests, on the real system, and the replay of the corpus alone on the simulated one, where inputs
 * make system calls fail.
 */
async function build() {
  const core = coreSources().map(source => ({ source, flags: [...plain, ...instrumentation] }))
  const others = [...filesUnder('test/native', cc), ...filesUnder('test/fuzz', cc)]
    .filter(source => !source.endsWith('/libfuzzer.cc'))
    .map(source => ({ source, flags: [...plain, ...instrumentation] })) // inline functions of the core are in them too
  const sources = [...core, ...others]
  const objects = await compile({ name: 'coverage', compiler, sources })
  const select = wanted => objects.filter((_, at) => wanted(sources[at].source))
  const program = (name, wanted) =>
    link({
      compiler,
      flags: [...instrumentation, '-pthread'],
      objects: select(wanted),
      program: join(folder, name),
    })
  const runner = /test\/native\/(run|yields|fuzz_replay_test)\.cc$/
  return [
    await program('native_test', source => !source.endsWith('/simulated_os.cc')),
    await program(
      'replay',
      source =>
        source.startsWith('native/core/') || source.startsWith('test/fuzz/') || runner.test(source),
    ),
  ]
}

/** Per file of native/core: how many lines there are, and which were not reached. */
function readTracefile(text) {
  const files = new Map()
  let lines
  for (const entry of text.split('\n')) {
    const [, source] = entry.match(/^SF:(.*)$/) ?? []
    if (source !== undefined) {
      const name = relative(root, source)
      lines = name.startsWith('native/core/') ? new Map() : undefined
      if (lines !== undefined) files.set(name, lines)
    }
    const [, number, count] = entry.match(/^DA:(\d+),(\d+)/) ?? []
    if (number !== undefined) lines?.set(Number(number), Number(count))
  }
  return files
}

/** 3, 4, 5, 9 → 3-5, 9 */
function ranges(numbers) {
  const found = []
  for (const number of numbers) {
    const last = found.at(-1)
    if (last !== undefined && last[1] === number - 1) last[1] = number
    else found.push([number, number])
  }
  return found.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ')
}

const percent = (part, whole) => `${((100 * part) / whole).toFixed(1)} %`

export async function run({ short }) {
  // Another build of everything, for a figure that changes seldom: only at full length.
  if (short) return { passed: 0, failed: 0, tried: [] }
  for (const tool of [compiler, 'llvm-profdata', 'llvm-cov']) {
    const found = await runCommand(tool, ['--help']).catch(() => undefined)
    if (found !== undefined) continue
    return absent(`coverage: \`${tool}\` was not found (on Debian: apt-get install clang llvm)`, {
      short,
    })
  }
  const programs = await build()
  const profiles = join(folder, 'profiles')
  rmSync(join(root, profiles), { recursive: true, force: true })
  mkdirSync(join(root, profiles), { recursive: true })
  // %m: the many processes of the tests add what they counted to the same file.
  for (const program of programs)
    await runCommand(program, [], {
      env: { ...process.env, LLVM_PROFILE_FILE: join(root, profiles, '%4m.profraw') },
    })
  const merged = join(folder, 'merged.profdata')
  await runCommand('llvm-profdata', ['merge', '-sparse', profiles, '-o', merged])
  const [first, ...rest] = programs
  const tracefile = await runCommand('llvm-cov', [
    'export',
    '-format=lcov',
    `-instr-profile=${merged}`,
    first,
    ...rest.map(program => `-object=${program}`),
  ])
  let all = 0
  let reached = 0
  for (const [name, lines] of [...readTracefile(tracefile)].sort()) {
    const missed = [...lines].filter(([, count]) => count === 0).map(([number]) => number)
    all += lines.size
    reached += lines.size - missed.length
    const share = percent(lines.size - missed.length, lines.size).padStart(8)
    console.log(
      `  ${name.padEnd(36)}${share}${missed.length > 0 ? `   not reached: ${ranges(missed)}` : ''}`,
    )
  }
  const enough = all > 0 && (100 * reached) / all >= least
  return {
    passed: enough ? 1 : 0,
    failed: enough ? 0 : 1,
    tried: [`${percent(reached, all)} of ${all} lines of native/core (at least ${least} % wanted)`],
  }
}

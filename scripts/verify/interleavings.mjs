// Native tests with delays at every sync point (native/core/sync.h), over many seeds, and under sanitizers.
import { spawn } from 'node:child_process'
import { count } from '../count.mjs'
import { root } from '../step.mjs'
import { buildNativeTest, nativeCommand } from '../test-native.mjs'

export const about =
  'the real code: other interleavings by delays at every point where threads meet, and sanitizers'
export const variables = {
  ISTHMUS_ROUNDS: 'a factor for the number of seeds',
  ISTHMUS_STRESS_MS: 'how long each stress test goes on with one',
  ISTHMUS_SEED: 'the first one',
}

/** What runs, how many seeds of it, and for how long each stress test goes on with one. */
const full = [
  { title: 'whole suite, delays', variant: 'plain', words: ['--yields'], seeds: 2 },
  {
    title: 'stress',
    variant: 'plain',
    words: ['--every-point', 'stress_'],
    seeds: 8,
    stressMs: 2000,
  },
  { title: 'whole suite, TSan', variant: 'tsan', words: [], seeds: 1 },
  { title: 'whole suite, TSan and delays', variant: 'tsan', words: ['--yields'], seeds: 1 },
  {
    title: 'stress, TSan',
    variant: 'tsan',
    words: ['--every-point', 'stress_'],
    seeds: 4,
    stressMs: 2000,
  },
  { title: 'whole suite, ASan and UBSan', variant: 'asan', words: [], seeds: 1 },
  {
    title: 'stress, ASan and UBSan',
    variant: 'asan',
    words: ['--every-point', 'stress_'],
    seeds: 2,
    stressMs: 2000,
  },
]
// `npm test` has run the native tests just before: their build is what this runs, and nothing is compiled for it.
const short = [
  {
    title: 'stress',
    variant: 'plain',
    words: ['--every-point', 'stress_'],
    seeds: 3,
    stressMs: 250,
  },
]

const grouped = number => number.toLocaleString('en-US')

/** Runs the tests with one seed, quietly; what failed is shown. */
function runOnce({ variant, words, stressMs }, program, seed) {
  const { command, args, env } = nativeCommand(variant, program, words)
  const stress = stressMs === undefined ? {} : { ISTHMUS_STRESS_MS: String(stressMs) }
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...env, ...stress, ISTHMUS_SEED: String(seed) },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', text => (output += text))
    child.on('error', reject)
    child.on('close', () => {
      const [, visits = '0', points = '?'] =
        output.match(/^yields: seed \d+, (\d+) visits of (\d+ of \d+) sync points/m) ?? []
      const result = { ...count(output), visits: Number(visits), points }
      if (result.failed > 0) {
        console.log(output.replace(/^ok .*\n/gm, ''))
        console.log(
          `the seed of this was ${seed}: ISTHMUS_SEED=${seed} ${command} ${args.join(' ')}`,
        )
      }
      resolve(result)
    })
  })
}

export async function run({ short: isShort }) {
  const kinds = isShort ? short : full
  const first = Number(process.env.ISTHMUS_SEED ?? Date.now() % 1_000_000_000)
  const total = { passed: 0, failed: 0, seeds: 0, visits: 0 }
  let points = '?'
  for (const kind of kinds) {
    const program = await buildNativeTest(kind.variant)
    const seeds = isShort
      ? kind.seeds
      : Math.ceil(kind.seeds * Number(process.env.ISTHMUS_ROUNDS ?? 1))
    const stressMs = Number(process.env.ISTHMUS_STRESS_MS ?? kind.stressMs) || undefined
    for (let at = 0; at < seeds; at++) {
      const started = performance.now()
      const result = await runOnce({ ...kind, stressMs }, program, first + total.seeds)
      total.passed += result.passed
      total.failed += result.failed
      total.visits += result.visits
      total.seeds++
      if (result.visits > 0) points = result.points
      const seconds = ((performance.now() - started) / 1000).toFixed(1)
      if (!isShort)
        console.log(
          `  ${kind.title} ${at + 1}/${seeds}: ${result.passed} passed, ${result.failed} failed, ${seconds} s`,
        )
    }
  }
  return {
    passed: total.passed,
    failed: total.failed,
    tried: [`${total.seeds} seeds`, `${grouped(total.visits)} visits`, `${points} sync points`],
  }
}

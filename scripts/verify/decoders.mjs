// What reads messages of the other process: under fuzzers, and against values that are generated.
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { asan, buildFuzzedModule, isBuilt, missing } from '../clang-python.mjs'
import { venvPython } from '../python.mjs'
import { run as execute, root } from '../step.mjs'
import { testPython } from '../test-python.mjs'

export const about =
  'fuzzes the decoders of both languages, and sends generated values and tensors both ways'

const number = new Intl.NumberFormat('en-US')
const corpus = ['test/fuzz/corpus/python_decoder', 'test/fuzz/crashes/python_decoder']
const found = 'build/fuzz/python-decoder-found'

/** Seconds, but for `runs`. */
const lengths = {
  short: { node: 3, python: 3 },
  full: { node: 240, python: 300, runs: 400 },
}

const values = ['test/bridge/13-property-values.test.ts', 'test/bridge/17-property-tensors.test.ts']
const generated = ['test/python/test_codec.py', 'test/python/test_array_properties.py']

/** The TypeScript decoder. */
async function fuzzNode({ node: seconds }) {
  const seed = String(Math.floor(Math.random() * 2 ** 31))
  const output = await execute(process.execPath, [
    '--enable-source-maps',
    'build/ts/test/fuzz/fuzz-node.js',
    String(seconds),
    seed,
  ])
  const { executions, kept, missed } = JSON.parse(output)
  return `TypeScript decoder: ${number.format(executions)} payloads, ${kept} kept for what they reach, ${missed.length} lines not reached`
}

/** The Python decoder, with AddressSanitizer and UndefinedBehaviorSanitizer in the extension. */
async function fuzzPython({ python: seconds }) {
  const module = await buildFuzzedModule()
  rmSync(join(root, found), { recursive: true, force: true })
  mkdirSync(join(root, found, 'corpus'), { recursive: true })
  const options = [
    `-max_total_time=${seconds}`,
    `-artifact_prefix=${found}/`,
    '-max_len=2048',
    '-timeout=60',
    '-rss_limit_mb=3000',
    '-print_final_stats=1',
  ]
  const program = ['test/fuzz/python_decoder.py', 'fuzz', module, ...options, `${found}/corpus`]
  const output = await execute(venvPython, [...program, ...corpus], {
    env: {
      ...process.env,
      LD_PRELOAD: asan(),
      ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1',
      UBSAN_OPTIONS: 'print_stacktrace=1',
      PYTHONMALLOC: 'malloc',
      PYTHONHASHSEED: '0',
    },
  })
  const executions = Number(/number_of_executed_units: (\d+)/.exec(output)[1])
  const places = Number([...output.matchAll(/ cov: (\d+)/g)].at(-1)[1])
  return `Python decoder: ${number.format(executions)} messages, ${number.format(places)} edges of C++`
}

/** Over a real bridge, and with a worker of its own. */
async function generatedValues({ runs }) {
  const env = { ...process.env, ISTHMUS_PROPERTY_RUNS: String(runs), TAP_TIMEOUT: '280' }
  const { runTapFiles } = await import('../tap-files.mjs') // tap-parser is there only after the set-up
  const bridged = await runTapFiles([...values], { env })
  const python = await testPython(generated, { env })
  return [bridged, python]
}

export async function run({ short }) {
  const length = lengths[short ? 'short' : 'full']
  const result = { passed: 0, failed: 0, skipped: 0, tried: [] }
  const attempt = async work => {
    try {
      result.tried.push(await work())
      result.passed++
    } catch (error) {
      console.log(error.message)
      result.failed++
    }
  }
  await attempt(() => fuzzNode(length))
  const install = missing()
  if (install !== undefined) {
    result[short ? 'skipped' : 'failed']++
    console.log(`the Python decoder is not fuzzed: clang with libFuzzer is needed: ${install}`)
  } else if (short && !isBuilt()) {
    result.skipped++
    console.log(
      'the Python decoder is fuzzed when the module with sanitizers is there: npm run verify -- decoders',
    )
  } else await attempt(() => fuzzPython(length))
  if (!short) {
    for (const { passed, failed } of await generatedValues(length)) {
      result.passed += passed
      result.failed += failed
    }
    result.tried.push(
      `${number.format(length.runs)} batches of generated values and tensors over a bridge, each sent twice`,
      `${number.format(length.runs)} examples of each property in Python`,
    )
  }
  return result
}

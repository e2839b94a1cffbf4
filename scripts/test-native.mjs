// npm run test:native [-- --asan|--tsan] [--yields] [words]: compiles the core and test/native, and runs the tests.
// --yields: with delays at the sync points (test/native/yields.h), whose seed ISTHMUS_SEED repeats.
// Not node-gyp: sanitizers need an executable whose every object is built with them.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { count, shown } from './count.mjs'
import { coreSources } from './native-flags.mjs'
import { filesUnder, main, root, run, StepError } from './step.mjs'

const variants = {
  plain: ['-O1'],
  asan: [
    '-O1',
    '-fno-omit-frame-pointer',
    '-fsanitize=address,undefined',
    '-fno-sanitize-recover=undefined',
  ],
  tsan: ['-O1', '-fno-omit-frame-pointer', '-fsanitize=thread', '-Wno-error=tsan'],
}
const compiler = process.env.CXX ?? 'g++'
const warnings = ['-Wall', '-Wextra', '-Werror']
const language = [
  '-std=c++20',
  '-g',
  '-fPIC',
  '-fno-exceptions',
  '-fno-rtti',
  '-pthread',
  '-MMD',
  '-DISTHMUS_YIELDS',
]
const includes = [
  '-Inative',
  '-Inative/generated',
  '-Itest/native',
  '-isystem',
  'native/generated/include',
]

/** Whether an object is newer than its source and every header that the compiler listed beside it. */
export function isFresh(object) {
  const listing = object.replace(/\.o$/, '.d')
  if (!existsSync(object) || !existsSync(listing)) return false
  const built = statSync(object).mtimeMs
  const read = readFileSync(listing, 'utf8')
    .replace(/\\\n/g, ' ')
    .split(/\s+/)
    .slice(1)
    .filter(Boolean)
  return read.every(file => {
    const there =
      statSync(join(root, file), { throwIfNoEntry: false }) ??
      statSync(file, { throwIfNoEntry: false })
    return there && there.mtimeMs <= built
  })
}

export async function inParallel(jobs) {
  const queue = [...jobs]
  const worker = async () => {
    for (let job = queue.shift(); job; job = queue.shift()) await job()
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
}

export async function buildNativeTest(variant) {
  const flags = [...language, ...warnings, ...variants[variant], ...includes]
  const key = createHash('sha256')
    .update([compiler, ...flags].join(' '))
    .digest('hex')
    .slice(0, 8)
  const folder = join('build/native-test', `${variant}-${key}`)
  const sources = [...coreSources(), ...filesUnder('test/native', path => path.endsWith('.cc'))]
  const objects = sources.map(source => join(folder, source.replace(/\.cc$/, '.o')))
  const program = join(folder, 'native_test')
  const stale = sources
    .map((source, i) => ({ source, object: objects[i] }))
    .filter(({ object }) => !isFresh(join(root, object)))
  await inParallel(
    stale.map(({ source, object }) => () => {
      mkdirSync(join(root, dirname(object)), { recursive: true })
      return run(compiler, [...flags, '-c', source, '-o', object])
    }),
  )
  const list = objects.join('\n')
  const listFile = join(root, folder, 'objects')
  const sameList = existsSync(listFile) && readFileSync(listFile, 'utf8') === list
  if (stale.length > 0 || !sameList || !existsSync(join(root, program))) {
    await run(compiler, [...variants[variant], '-pthread', ...objects, '-o', program])
    writeFileSync(listFile, list)
  }
  return join(root, program)
}

const environment = {
  ASAN_OPTIONS: 'detect_stack_use_after_return=1:strict_string_checks=1',
  UBSAN_OPTIONS: 'print_stacktrace=1',
  TSAN_OPTIONS: 'halt_on_error=1:second_deadlock_stack=1:die_after_fork=0',
}

export function nativeCommand(variant, program, words) {
  const env = { ...environment, ...process.env }
  // Thread sanitizer's shadow memory does not stand every address layout of recent kernels.
  if (variant === 'tsan') return { command: 'setarch', args: ['-R', program, ...words], env }
  return { command: program, args: words, env }
}

export async function testNative(variant = 'plain', words = []) {
  let program
  try {
    program = await buildNativeTest(variant)
  } catch (error) {
    throw new StepError(error.message)
  }
  const { command, args, env } = nativeCommand(variant, program, words)
  const { output } = await shown(command, args, { env })
  return count(output)
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { setup } = await import('./setup.mjs')
  const words = process.argv.slice(2).filter(argument => !['--asan', '--tsan'].includes(argument))
  const variant = ['asan', 'tsan'].find(name => process.argv.includes(`--${name}`)) ?? 'plain'
  await main(async () => {
    await setup({ only: ['npm', 'schema'] })
    const { passed, failed } = await testNative(variant, words)
    return failed > 0 || (passed === 0 && words.length > 0) ? 1 : 0
  })
}

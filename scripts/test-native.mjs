// npm run test:native [-- --asan|--tsan] [--yields] [words]: compiles the core and test/native, and runs the tests.
// --yields: with delays at the sync points (test/native/yields.h), whose seed ISTHMUS_SEED repeats.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { commonFlags, compile, link } from './compile.mjs'
import { count, shown } from './count.mjs'
import { coreSources } from './native-flags.mjs'
import { filesUnder, main, StepError } from './step.mjs'

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

/** The fuzzer's targets are run without the fuzzer here, and on the real system. */
const targetSources = () =>
  filesUnder(
    'test/fuzz',
    path => path.endsWith('.cc') && !/(libfuzzer|simulated_os)\.cc$/.test(path),
  )

export async function buildNativeTest(variant) {
  const flags = [...commonFlags, '-DISTHMUS_YIELDS', ...variants[variant]]
  const tests = filesUnder('test/native', path => path.endsWith('.cc'))
  const sources = [...coreSources(), ...tests, ...targetSources()].map(source => ({
    source,
    flags,
  }))
  const objects = await compile({ name: 'native-test', compiler, sources })
  const program = join('build/native-test', variant, 'native_test')
  return link({ compiler, flags: [...variants[variant], '-pthread'], objects, program })
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

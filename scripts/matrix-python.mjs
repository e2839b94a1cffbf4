// npm run test:matrix:python [-- words]: the Python and bridge tests with the extension as it is built,
// on every CPython from 3.11 that is found; each gets a virtual environment in .cache.
import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { closingLine, sum } from './count.mjs'
import { inspect } from './python.mjs'
import { setup } from './setup.mjs'
import { hashOf, main, root, run, step } from './step.mjs'
import { testPython } from './test-python.mjs'

function candidates() {
  const pyenv = join(process.env.PYENV_ROOT ?? join(homedir(), '.pyenv'), 'versions')
  const minors = Array.from({ length: 9 }, (_, i) => `python3.${i + 11}`)
  return [
    ...(existsSync(pyenv)
      ? readdirSync(pyenv).map(version => join(pyenv, version, 'bin/python'))
      : []),
    ...(process.env.PATH ?? '')
      .split(':')
      .flatMap(folder => minors.map(name => join(folder, name))),
  ].filter(path => existsSync(path) && !path.includes('/shims/'))
}

/** One interpreter per version; those without venv or with another ABI are left out. */
function interpreters() {
  const byVersion = new Map()
  for (const path of candidates()) {
    const python = inspect(path)
    const usable =
      python?.implementation === 'cpython' &&
      python.gil &&
      python.version[0] === 3 &&
      python.version[1] >= 11 &&
      !python.missing.includes('venv') &&
      !python.missing.includes('ensurepip')
    if (usable && !byVersion.has(String(python.version)))
      byVersion.set(String(python.version), python)
  }
  return [...byVersion.values()]
}

async function environment({ path, version }) {
  const folder = join('.cache/python', version.join('.'))
  await step({
    name: `python ${version.join('.')}`,
    stampFile: join(root, folder, '.isthmus-stamp'),
    stamp: () => hashOf(['python/requirements-dev.txt'], path),
    work: async () => {
      await run(path, ['-m', 'venv', '--clear', folder])
      const options = ['--quiet', '--disable-pip-version-check', '--no-input']
      await run(join(root, folder, 'bin/python'), [
        '-m',
        'pip',
        'install',
        ...options,
        '-r',
        'python/requirements-dev.txt',
      ])
    },
  })
  return join(root, folder, 'bin/python')
}

await main(async () => {
  await setup()
  const { runTapFiles, tapFiles } = await import('./tap-files.mjs')
  const results = []
  for (const found of interpreters()) {
    const name = `Python ${found.version.join('.')}`
    console.log(`\n== ${name}`)
    const python = await environment(found)
    const words = process.argv.slice(2)
    const env = { ...process.env, ISTHMUS_PYTHON: python }
    const counts = [await runTapFiles(tapFiles(words, ['test/bridge']), { env })]
    if (words.length === 0) counts.push(await testPython([], { python }))
    results.push([name, sum(counts)])
  }
  console.log()
  for (const [name, counts] of results)
    console.log(`${name}: ${counts.passed} passed, ${counts.failed} failed.`)
  const total = sum(results.map(([, counts]) => counts))
  console.log(closingLine(total))
  return total.failed > 0 || total.passed === 0 ? 1 : 0
})

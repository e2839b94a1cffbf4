// npm run test:python [-- pytest's arguments]: the tests of the Python side alone.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { closingLine } from './count.mjs'
import { venvPython } from './python.mjs'
import { filesUnder, main, root, runInherited } from './step.mjs'

/** The counts come from pytest's own report file, not from what it prints. */
export async function testPython(
  args = [],
  { python = venvPython, env: given = process.env } = {},
) {
  if (filesUnder('test/python', path => path.endsWith('.py')).length === 0)
    return { passed: 0, failed: 0 }
  const report = join(root, '.cache/pytest.xml')
  mkdirSync(join(root, '.cache'), { recursive: true })
  rmSync(report, { force: true })
  const options = [
    '-q',
    '-c',
    'python/pyproject.toml',
    '--rootdir=.',
    '-p',
    'no:cacheprovider',
    `--junitxml=${report}`,
  ]
  const targets = args.some(
    argument => !argument.startsWith('-') && existsSync(join(root, argument.split('::')[0])),
  )
    ? args
    : ['test/python', ...args]
  const env = { ...given, PYTHONPATH: join(root, 'python'), PYTHONDONTWRITEBYTECODE: '1' }
  const code = await runInherited(python, ['-m', 'pytest', ...options, ...targets], { env })
  const head = existsSync(report)
    ? readFileSync(report, 'utf8').match(/<testsuite [^>]*>/)?.[0]
    : undefined
  if (!head) return { passed: 0, failed: 1 }
  const number = name => Number(head.match(new RegExp(` ${name}="(\\d+)"`))?.[1] ?? 0)
  const failed = number('errors') + number('failures')
  return {
    passed: number('tests') - failed - number('skipped'),
    failed: failed || (code === 0 || code === 5 ? 0 : 1),
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { setup } = await import('./setup.mjs')
  await main(async () => {
    await setup({ only: ['npm', 'venv', 'schema', 'native'] })
    const counts = await testPython(process.argv.slice(2))
    console.log(closingLine(counts))
    return counts.failed > 0 ? 1 : 0
  })
}

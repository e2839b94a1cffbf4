// npm run lint: each check is one line. npm run format (--fix): the same tools, writing.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { closingLine } from './count.mjs'
import { setup } from './setup.mjs'
import { filesUnder, main, root, run } from './step.mjs'

const tool = name => join(root, '.venv/bin', name)
const cpp = () =>
  ['native', 'test/native', 'test/fuzz', 'bench'].flatMap(folder =>
    filesUnder(folder, path => /\.(cc|h)$/.test(path)),
  )
const python = () =>
  ['python', 'test', 'examples', 'bench'].filter(
    f => filesUnder(f, p => p.endsWith('.py')).length > 0,
  )

const linesShown = 80

const checks = [
  [
    'biome',
    true,
    fix => [
      'node_modules/.bin/biome',
      ['check', ...(fix ? ['--write'] : []), '--error-on-warnings'],
    ],
  ],
  [
    'clang-format',
    cpp,
    fix => [tool('clang-format'), [...(fix ? ['-i'] : ['--dry-run', '-Werror']), ...cpp()]],
  ],
  [
    'ruff',
    python,
    fix => [
      tool('ruff'),
      ['check', '--config', 'python/pyproject.toml', ...(fix ? ['--fix'] : []), ...python()],
    ],
  ],
  [
    'ruff format',
    python,
    fix => [
      tool('ruff'),
      [
        'format',
        '--config',
        'python/pyproject.toml',
        ...(fix ? [] : ['--check', '--diff']),
        ...python(),
      ],
    ],
  ],
  [
    'mypy',
    () => filesUnder('python/isthmus', path => path.endsWith('.py')),
    () => [
      tool('mypy'),
      ['--config-file', 'python/pyproject.toml', '--cache-dir', '.cache/mypy', 'python/isthmus'],
    ],
  ],
]

export async function lint({ fix = false } = {}) {
  const counts = { passed: 0, failed: 0 }
  for (const [name, wanted, command] of checks) {
    if (wanted !== true && wanted().length === 0) continue
    try {
      await run(...command(fix))
      counts.passed++
      console.log(`ok     ${name}`)
    } catch (error) {
      counts.failed++
      const lines = error.message.split('\n')
      console.log([`FAILED ${name}`, ...lines.slice(0, linesShown)].join('\n'))
      if (lines.length > linesShown) console.log(`… and ${lines.length - linesShown} lines more`)
    }
  }
  return counts
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(async () => {
    await setup({ only: ['npm', 'venv', 'schema'] })
    const counts = await lint({ fix: process.argv.includes('--fix') })
    console.log(closingLine(counts))
    return counts.failed > 0 ? 1 : 0
  })
}

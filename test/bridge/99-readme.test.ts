// The example of README.md: it compiles, runs, and prints what it says.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../../../../', import.meta.url))

t.test('the two files of the README run in a folder of their own', async t => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const folder = t.testdir({ 'package.json': '{ "type": "module" }' })
  for (const name of ['model.py', 'program.ts']) {
    const block = readme.match(new RegExp(`^\`\`\`\\w+\\n((?:#|//) ${name}\\n.*?)^\`\`\``, 'ms'))
    t.ok(block, `README.md has ${name}`)
    writeFileSync(join(folder, name), block![1]!)
  }
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/isthmus'))
  const run = (...args: string[]) =>
    execFileSync(process.execPath, args, {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, ISTHMUS_PYTHON: join(root, '.venv/bin/python') },
      timeout: 60_000,
    })
  run(
    join(root, 'node_modules/typescript/bin/tsc'),
    ...['--ignoreConfig', '--strict', '--target', 'es2022', '--lib', 'es2023,esnext.disposable'],
    ...['--module', 'nodenext', '--typeRoots', join(root, 'node_modules/@types')],
    ...['--types', 'node', 'program.ts'],
  )
  const [, said] = readme.match(/^console\.log\(.*\/\/ (.*)$/m)!
  t.equal(run('program.js').trim(), said)
})

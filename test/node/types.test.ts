// The types of the public API are tested by test/types, which the build compiles. This is the test of that test.
import { spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../../../../', import.meta.url))

t.test('the compiler refuses a type that is not exactly the one that is expected', async t => {
  const folder = t.testdir({ 'package.json': '{ "type": "module" }' })
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/isthmus'))
  const compile = (type: string) => {
    const program = [
      `import type { Bridge } from 'isthmus'`,
      `import { expectType } from '${join(root, 'test/types/expect-type.ts')}'`,
      `export const types = (py: Bridge) => expectType(py.call('step')).is<${type}>()`,
    ]
    writeFileSync(join(folder, 'program.ts'), program.join('\n'))
    return spawnSync(
      process.execPath,
      [
        join(root, 'node_modules/typescript/bin/tsc'),
        ...['--ignoreConfig', '--noEmit', '--strict', '--module', 'nodenext'],
        ...['--target', 'es2022', '--lib', 'es2023,esnext.disposable'],
        ...['--allowImportingTsExtensions', '--typeRoots', join(root, 'node_modules/@types')],
        ...['--types', 'node', 'program.ts'],
      ],
      { cwd: folder, encoding: 'utf8', timeout: 60_000 },
    )
  }
  t.match(compile('Promise<unknown>'), { status: 0, stdout: '' })
  for (const wrong of ['Promise<number>', 'Promise<any>', 'unknown', 'any', 'never'])
    t.match(compile(wrong), { status: 1, stdout: /program\.ts\(3,\d+\): error TS2554/ }, wrong)
})

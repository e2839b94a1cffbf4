// The programs in README.md and docs: they compile, run, and print what the page says.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../../../../', import.meta.url))

/** A block of code that starts with the name of its file. */
const file = /^```\w+\n(?:#|\/\/) (?<name>\w+\.(?:py|ts))\n(?<text>.*?)^```/gms
/** What the program says: in a comment behind its last line, or in the block after it. */
const said = /^console\.log\([^\n]*\/\/ (?<line>[^\n]*)$|^```\n```\n(?<lines>.*?)^```/ms

const pages = ['streams', 'cancellation', 'callbacks', 'pools', 'batching'].map(
  name => `docs/${name}`,
)

for (const page of ['README', ...pages])
  t.test(`the program of ${page}.md runs in a folder of its own`, async t => {
    const text = readFileSync(join(root, `${page}.md`), 'utf8')
    const files = [...text.matchAll(file)]
    t.same(files.length, 2, 'a Python file and a program')
    const folder = t.testdir({ 'package.json': '{ "type": "module" }' })
    for (const { groups } of files) writeFileSync(join(folder, groups!.name!), groups!.text!)
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
    const rest = text.slice(text.indexOf('// program.ts'))
    const { line, lines } = rest.match(said)!.groups!
    t.equal(run('program.js').trim(), (line ?? lines)!.trim())
  })

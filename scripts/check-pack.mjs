// npm run check:pack: what the package would contain, held against what it must and must not.
import { main, run } from './step.mjs'

const required = [
  'dist/index.js',
  'dist/index.d.ts',
  'python/isthmus/__init__.py',
  'python/isthmus/__main__.py',
  'python/isthmus/py.typed',
  `prebuilds/${process.platform}-${process.arch}/isthmus_node.node`,
  `prebuilds/${process.platform}-${process.arch}/_native.abi3.so`,
  'schema/message.fbs',
  'README.md',
  'LICENSE',
]
const forbidden =
  /(^|\/)(__pycache__|node_modules|build|test|\.venv|\.cache)\/|\.(cc|pyc|gyp)$|tsbuildinfo$|^python\/.*\.so$/
const installScripts = ['preinstall', 'install', 'postinstall', 'prepare']

await main(async () => {
  const output = await run('npm', ['pack', '--dry-run', '--json', '--loglevel=silent'])
  const parsed = JSON.parse(output.slice(output.search(/[[{]/)))
  const pack = Array.isArray(parsed) ? parsed[0] : (Object.values(parsed)[0] ?? parsed)
  const paths = pack.files.map(file => file.path)
  const { scripts } = (await import('../package.json', { with: { type: 'json' } })).default
  const problems = [
    ...required.filter(path => !paths.includes(path)).map(path => `missing: ${path}`),
    ...paths.filter(path => forbidden.test(path)).map(path => `must not be in it: ${path}`),
    ...installScripts
      .filter(name => name in scripts)
      .map(name => `must not have a script: ${name}`),
    // npm builds a package that has a binding.gyp and no install script by itself.
    ...(paths.includes('binding.gyp') ? ['must not be in it: binding.gyp'] : []),
  ]
  for (const problem of problems) console.log(problem)
  console.log(`${paths.length} files, ${(pack.size / 1e6).toFixed(2)} MB packed`)
  return problems.length > 0 ? 1 : 0
})

// npm run check:pack: what the package would contain, held against what it must and may contain.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { benchFiles, benchFolder } from './assemble-bench.mjs'
import { main, root, run } from './step.mjs'

const prebuilds = `prebuilds/${process.platform}-${process.arch}`
const required = [
  'package.json',
  'README.md',
  'LICENSE',
  'CHANGELOG.md',
  'dist/index.js',
  'dist/index.d.ts',
  'dist/cli.js',
  ...benchFiles().keys(),
  'python/isthmus/__init__.py',
  'python/isthmus/__main__.py',
  'python/isthmus/py.typed',
  `${prebuilds}/isthmus_node.node`,
  `${prebuilds}/_native.abi3.so`,
  'schema/message.fbs',
]
/** What else may be in it. */
const allowed = [
  /^dist\/(?!bench\/)[\w/-]+\.(js|js\.map|d\.ts)$/,
  /^prebuilds\/\w+-\w+\/(isthmus_node\.node|_native\.abi3\.so)$/,
  /^python\/isthmus\/(adapters\/)?\w+\.pyi?$/,
  /^schema\/\w+\.fbs$/,
]
const installScripts = ['preinstall', 'install', 'postinstall', 'prepare']

/** What tsc has left of a source that is there no longer. */
const isStale = path =>
  path.startsWith('dist/') &&
  !path.startsWith(`${benchFolder}/`) &&
  !existsSync(join(root, path.replace(/^dist/, 'src').replace(/\.(js|js\.map|d\.ts)$/, '.ts')))

/** What a map leads to must be in it: the package carries no sources besides. */
const lacksSource = path =>
  path.endsWith('.map') && !('sourcesContent' in JSON.parse(readFileSync(join(root, path), 'utf8')))

await main(async () => {
  const output = await run('npm', ['pack', '--dry-run', '--json', '--loglevel=silent'])
  const parsed = JSON.parse(output.slice(output.search(/[[{]/)))
  const pack = Array.isArray(parsed) ? parsed[0] : (Object.values(parsed)[0] ?? parsed)
  const paths = pack.files.map(file => file.path)
  const { scripts } = (await import('../package.json', { with: { type: 'json' } })).default
  const problems = [
    ...required.filter(path => !paths.includes(path)).map(path => `missing: ${path}`),
    ...paths
      .filter(path => !required.includes(path) && !allowed.some(one => one.test(path)))
      .map(path => `must not be in it: ${path}`),
    ...paths.filter(isStale).map(path => `has no source any more: ${path}`),
    ...paths.filter(lacksSource).map(path => `refers to a source that is not in it: ${path}`),
    // npm takes them as they are: with another umask, the same sources would be another package.
    ...pack.files
      .filter(({ mode }) => (mode & 0o777) !== 0o644)
      .map(({ path, mode }) => `has mode ${(mode & 0o777).toString(8)} instead of 644: ${path}`),
    // npm would build a package that has a binding.gyp and no install script by itself.
    ...installScripts
      .filter(name => name in scripts)
      .map(name => `must not have a script: ${name}`),
  ]
  for (const problem of problems) console.log(problem)
  console.log(`${paths.length} files, ${(pack.size / 1e6).toFixed(2)} MB packed`)
  return problems.length > 0 ? 1 : 0
})

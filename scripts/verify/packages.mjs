// The package is built from the last commit in two folders and compared byte by byte; then it is installed and used.
// Whatever might leak into it differs between the two: where they lie, how long that path is, time zone, language.
import { createHash } from 'node:crypto'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { run as execute, root } from '../step.mjs'

export const about =
  'the package is the same to the byte wherever it is built, and works when no script may run'

const circumstances = [
  { folder: 'a', env: { TZ: 'UTC', LANG: 'C' } },
  {
    folder: 'another-folder/with-a-much-longer-path',
    env: { TZ: 'Pacific/Kiritimati', LANG: 'C.UTF-8' },
  },
]

const sha256 = path => createHash('sha256').update(readFileSync(path)).digest('hex')

async function cloned(work, { folder }) {
  const clone = join(work, folder)
  mkdirSync(join(clone, '..'), { recursive: true })
  await execute('sh', ['-c', 'umask 022 && git clone --quiet "$0" "$1"', root, clone])
  return clone
}

const script =
  'umask 022 && node scripts/prebuild.mjs && node scripts/check-pack.mjs && npm pack --loglevel=silent'

/** @returns the tarball */
async function built(clone, { env }) {
  console.log(`building in ${clone}`)
  const options = { cwd: clone, env: { ...process.env, ...env } }
  const output = await execute('sh', ['-c', script], options)
  return join(clone, output.trim().split('\n').at(-1))
}

/** Hashes of the files in a tarball. */
async function contents(work, tarball) {
  const folder = mkdtempSync(join(work, 'contents-'))
  await execute('tar', ['-xzf', tarball, '-C', folder])
  const files = readdirSync(folder, { recursive: true })
    .map(name => join(folder, name))
    .filter(path => statSync(path).isFile())
  return new Map(files.map(path => [relative(folder, path), sha256(path)]))
}

async function differences(work, [one, other]) {
  const [a, b] = [await contents(work, one), await contents(work, other)]
  const names = [...new Set([...a.keys(), ...b.keys()])].filter(name => a.get(name) !== b.get(name))
  return names.length > 0 ? names.sort() : ['only the archive itself: order, times or modes']
}

const program = `
import { spawn, type Tensor } from 'isthmus'
await using py = await spawn({ source: 'def double(x): return x * 2' })
const x = py.tensor('float64', [100_000])
x.data.fill(21)
const y = (await py.call('double', x)) as Tensor<'float64'>
if (y.at(-1) !== 42 || py.stats().copiedBytes !== 0) throw new Error('wrong: ' + y.at(-1))
`

/** A project of its own, without install scripts, with nothing but the package. */
async function use(work, tarball, python) {
  const project = join(work, 'project')
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(project, 'program.ts'), program)
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  await execute('npm', ['install', ...flags, tarball], { cwd: project })
  // Node 20 knows no `await using`: the compiler of the repository takes it away.
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const lib = ['--target', 'es2022', '--lib', 'es2022,esnext.disposable']
  const options = [...lib, '--module', 'nodenext', '--types', '', '--skipLibCheck']
  await execute(process.execPath, [tsc, ...options, 'program.ts'], { cwd: project })
  await execute(process.execPath, ['program.js'], {
    cwd: project,
    env: { ...process.env, ISTHMUS_PYTHON: python },
  })
  return project
}

/** The benchmarks of the package, with nothing installed besides. */
async function bench(work, project, python) {
  const args = ['--no-install', 'isthmus', 'bench', '--quick', '--json', 'result.json']
  const env = { ...process.env, ISTHMUS_PYTHON: python, XDG_CACHE_HOME: join(work, 'cache') }
  await execute('npx', args, { cwd: project, env })
  const { cells } = JSON.parse(readFileSync(join(project, 'result.json'), 'utf8'))
  const measured = cells.filter(({ latency, figures }) => latency ?? figures)
  const without = contender => !measured.some(cell => cell.contender === contender)
  const missing = ['isthmus', 'json-stdio'].filter(without)
  if (missing.length > 0) throw new Error(`npx isthmus bench has no figures of ${missing}`)
  return `${measured.length} of ${cells.length} cells`
}

export async function run({ short }) {
  // It takes minutes, and a network.
  if (short) return { passed: 0, failed: 0, tried: [] }
  const work = mkdtempSync(join(tmpdir(), 'isthmus-packages-'))
  try {
    if ((await execute('git', ['status', '--porcelain'])) !== '')
      console.log('there are changes since the last commit; they are not in these packages')
    const clones = []
    for (const one of circumstances) clones.push(await cloned(work, one))
    const tarballs = []
    for (const [at, one] of circumstances.entries()) tarballs.push(await built(clones[at], one))
    const hashes = tarballs.map(sha256)
    for (const [at, hash] of hashes.entries()) console.log(`${hash}  ${tarballs[at]}`)
    const same = hashes[0] === hashes[1]
    if (!same) for (const name of await differences(work, tarballs)) console.log(`differs: ${name}`)
    const python = join(clones[0], '.venv/bin/python')
    const project = await use(work, tarballs[1], python)
    console.log('installed with --ignore-scripts and used')
    console.log(`npx isthmus bench --quick: ${await bench(work, project, python)}`)
    return {
      passed: same ? 4 : 3,
      failed: same ? 0 : 1,
      tried: [`two builds, ${same ? `both ${hashes[0].slice(0, 16)}…` : 'which differ'}`],
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

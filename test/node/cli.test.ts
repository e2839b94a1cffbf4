// The command line of the package, and the benchmarks that it carries.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Results } from '../../bench/results.js'

t.setTimeout(60_000)

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const python = join(root, '.venv/bin/python')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string
}

/** Runs a program of Node; `whenReady` is called with each line that it writes on stderr. */
async function run(
  args: readonly string[],
  cwd = root,
  onLine?: (line: string, pid: number) => void,
) {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...process.env, ISTHMUS_PYTHON: python },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  createInterface({ input: child.stderr }).on('line', line => {
    errors += `${line}\n`
    onLine?.(line, child.pid!)
  })
  const [code] = (await once(child, 'close')) as [number]
  return { code, output, errors }
}

const cli = join(root, 'dist/cli.js')

t.test('it says what there is, and its version', async t => {
  for (const args of [[], ['--help']]) {
    const { code, output } = await run([cli, ...args])
    t.equal(code, 0)
    t.match(output, /Usage: npx isthmus <command>[\s\S]*bench/)
  }
  t.strictSame(await run([cli, '--version']), { code: 0, output: `${version}\n`, errors: '' })
})

t.test('an unknown command is refused, with the one that was probably meant', async t => {
  const { code, errors } = await run([cli, 'bnech'])
  t.equal(code, 2)
  t.match(errors, "no command 'bnech'; did you mean 'bench'?")
  t.match(await run([cli, 'serve']), { code: 2, errors: /^no command 'serve'\n/ })
})

t.test('a Python that is not there: the message says what was tried', async t => {
  const folder = t.testdir()
  const child = spawn(process.execPath, [cli, 'bench'], {
    cwd: folder,
    env: { ...process.env, ISTHMUS_PYTHON: join(folder, 'python') },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const [text] = (await once(child.stderr.setEncoding('utf8'), 'data')) as [string]
  t.equal((await once(child, 'close'))[0], 1)
  t.match(text, existsSync(join(root, 'dist/bench/run.js')) ? /does not exist/ : /npm run bench/)
})

t.test('the package carries benchmarks that run where it is installed', async t => {
  const { assembleBench } = (await import(join(root, 'scripts/assemble-bench.mjs'))) as {
    assembleBench(into: string): void
  }
  const folder = t.testdir({ project: {} })
  const here = join(folder, 'package')
  for (const name of ['package.json', 'dist'])
    cpSync(join(root, name), join(here, name), { recursive: true })
  assembleBench(here)
  const bench = [join(here, 'dist/cli.js'), 'bench']
  const project = join(folder, 'project')
  t.match(await run([...bench, '--help'], project), {
    code: 0,
    output: /npx isthmus bench \[options\][\s\S]*--install/,
  })
  t.match(await run([...bench, '--only', 'smal'], project), {
    code: 2,
    errors: /no case named 'smal'/,
  })
  const only = ['--quick', '--only', 'small', '--contender', 'json-stdio']
  t.match(await run([...bench, ...only, '--json', 'result.json'], project), { code: 0 })
  const results = JSON.parse(readFileSync(join(project, 'result.json'), 'utf8')) as Results
  t.match(results, {
    profile: 'quick',
    machine: { npm: { isthmus: version }, commit: 'of the package' },
    contenders: { 'json-stdio': { kind: 'rival' } },
    cells: [{ case: 'small', contender: 'json-stdio', latency: { p50: Number } }],
  })
  t.match(readFileSync(join(project, 'result.html'), 'utf8'), '<h1>What crossing costs</h1>')
})

t.test('Ctrl-C ends a run, which writes what there is and says that it is incomplete', async t => {
  const folder = t.testdir()
  const program = join(root, 'build/ts/bench/run.js')
  const only = ['--only', 'small', '--contender', 'json-stdio', '--json', 'result.json']
  const { code, output } = await run([program, ...only], folder, (line, pid) => {
    if (line.startsWith('3/')) process.kill(pid, 'SIGINT')
  })
  t.equal(code, 130)
  t.match(output, 'INCOMPLETE: interrupted after 2 of 5 steps')
  const results = JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')) as Results
  t.equal(results.incomplete, 'interrupted after 2 of 5 steps')
  t.equal(results.cells[0]!.roundP50s!.length, 2)
})

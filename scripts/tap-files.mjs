// Runs compiled tap tests with plain node and counts what they assert.
// Not tap's own runner: it loads every file through ts-node, which cannot work with TypeScript 7.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { Parser } from 'tap-parser'
import { filesUnder, root } from './step.mjs'

/** Of a file. Seconds. */
const deadline = 300

/** The compiled path of every test whose path contains one of the words. */
export const tapFiles = (words = [], folders = ['test/node', 'test/bridge', 'examples']) =>
  folders
    .flatMap(folder => filesUnder(folder, path => path.endsWith('.test.ts')))
    .filter(path => words.length === 0 || words.some(word => path.includes(word)))

const compiled = path => join('build/ts', path.replace(/\.ts$/, '.js'))

function runFile(
  path,
  { node = process.execPath, env = process.env, deadlineSeconds = deadline, heard = () => {} },
) {
  return new Promise((resolve, reject) => {
    const args = ['--expose-gc', '--enable-source-maps', compiled(path)]
    const child = spawn(node, args, {
      cwd: root,
      env: { TAP_TIMEOUT: '120', ...env, TAP: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const counts = { passed: 0, failed: 0, skipped: 0 }
    const failures = []
    const skips = []
    let errors = ''
    // A subtest closes with a line of its own in its parent, so only leaves are counted.
    const leaves = (parser, above) => {
      parser.on('comment', comment => heard(comment.replace(/^#\s*/, '').trimEnd()))
      const summaries = new Set()
      parser.on('child', sub => {
        summaries.add(sub.name)
        leaves(sub, [...above, sub.name])
      })
      parser.on('assert', result => {
        if (summaries.delete(result.name)) {
          if (!result.ok && !result.todo)
            failures.push({ path: [...above, result.name], diag: undefined })
          return
        }
        if (result.skip || result.todo) {
          counts.skipped++
          skips.push(`${result.name}: ${result.skip || result.todo}`)
        } else if (result.ok) counts.passed++
        else {
          counts.failed++
          failures.push({ path: [...above, result.name], diag: result.diag })
        }
      })
    }
    const parser = new Parser()
    leaves(parser, [])
    child.stdout.pipe(parser)
    child.stderr.setEncoding('utf8').on('data', text => (errors += text))
    let late = false
    const timer = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, deadlineSeconds * 1000)
    child.on('error', reject)
    let ended
    parser.on('complete', results => finish({ results }))
    child.on('close', (code, signal) => finish({ code, signal }))
    function finish(part) {
      ended = { ...ended, ...part }
      if (!ended.results || !('code' in ended)) return
      clearTimeout(timer)
      const problem = late
        ? `did not end within ${deadlineSeconds} s`
        : ended.signal
          ? `was ended by ${ended.signal}`
          : ended.code !== 0 && counts.failed === 0
            ? `ended with exit code ${ended.code}`
            : !ended.results.ok && counts.failed === 0
              ? 'printed TAP that is not in order'
              : undefined
      if (problem) counts.failed++
      resolve({
        path,
        ...counts,
        problem,
        skips,
        failures: failures.filter(failure => failure.diag),
        errors,
      })
    }
  })
}

/** Where it failed and how, without tap's notes about the compiled file. */
function described({ at, stack, source, diff, compare: _, ...facts }) {
  const rest = Object.keys(facts).length > 0 ? inspect(facts, { depth: 4 }) : undefined
  const place = stack?.trimEnd() ?? (at ? `${at.fileName}:${at.lineNumber}` : undefined)
  return [place, source?.trimEnd(), diff?.trimEnd(), rest].filter(Boolean).join('\n')
}

function report(result, seconds) {
  const mark = result.failed > 0 ? 'FAILED' : 'ok    '
  const skipped = result.skipped > 0 ? `, ${result.skipped} skipped` : ''
  console.log(`${mark} ${result.path} (${result.passed} passed${skipped}, ${seconds.toFixed(1)} s)`)
  for (const skip of result.skips) console.log(`    skipped: ${skip}`)
  if (result.failed === 0) return
  for (const { path, diag } of result.failures) {
    console.log(`    ${path.join(' > ')}`)
    console.log(described(diag).replace(/^/gm, '      '))
  }
  if (result.problem) console.log(`    it ${result.problem}`)
  if (result.errors) console.log(result.errors.trimEnd().replace(/^/gm, '    | '))
}

/**
 * Two files at a time; those that measure the whole machine (`*.alone.test.ts`) by themselves at the end.
 * Options: `node` and `env` of each file's process, the `deadlineSeconds` it may take, and `heard`, which gets every comment.
 */
export async function runTapFiles(paths, options = {}) {
  const total = { passed: 0, failed: 0 }
  const runAll = async (queue, width) => {
    const worker = async () => {
      for (let path = queue.shift(); path; path = queue.shift()) {
        const started = Date.now()
        const result = await runFile(path, options)
        report(result, (Date.now() - started) / 1000)
        total.passed += result.passed
        total.failed += result.failed
      }
    }
    await Promise.all(Array.from({ length: width }, worker))
  }
  const isAlone = path => path.endsWith('.alone.test.ts')
  await runAll(
    paths.filter(path => !isAlone(path)),
    2,
  )
  await runAll(paths.filter(isAlone), 1)
  return total
}

// What is known about the dependencies: npm's and PyPI's lists of vulnerabilities, and how they are pinned.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { lockProblems } from '../check-lock.mjs'
import { run as execute, root } from '../step.mjs'

export const about = 'known vulnerabilities of the dependencies, and whether all of them are pinned'

const pipAudit = 'pip-audit==2.10.1'
const severities = ['info', 'low', 'moderate', 'high', 'critical']
/** Of npm, for packages that users get. Of PyPI's list, which has no severities, everything counts. */
const worst = severities.indexOf('high')
/** What the worker imports. The versions are those we test with; users choose their own. */
const usedByWorkers = ['numpy', 'msgspec']

/** The last JSON that a command prints, whatever its exit code: an audit that finds something fails. */
async function jsonOf(command, args, milliseconds) {
  const options = { signal: AbortSignal.timeout(milliseconds) }
  const output = await execute(command, args, options).catch(error => error.message)
  const start = output.search(/^\{/m)
  if (start < 0) throw new Unreachable(output.trim().split('\n').at(-1))
  return JSON.parse(output.slice(start, output.lastIndexOf('}') + 1))
}

/** The list could not be asked: no finding, and no failure of ours. */
class Unreachable extends Error {}

/** @returns findings: what they are about, and whether they count */
async function npm({ milliseconds, runtime }) {
  const flags = ['--json', '--fetch-retries=0', ...(runtime ? ['--omit=dev'] : [])]
  const report = await jsonOf('npm', ['audit', ...flags], milliseconds)
  if (report.vulnerabilities === undefined)
    throw new Unreachable(report.message ?? `the registry answers with ${report.statusCode}`)
  return Object.values(report.vulnerabilities).map(({ name, severity, range }) => ({
    text: `${name} ${range}: ${severity}`,
    counts: runtime && severities.indexOf(severity) >= worst,
  }))
}

async function pip() {
  const venv = join(root, '.cache/pip-audit')
  const tool = join(venv, 'bin/pip-audit')
  if (!existsSync(tool)) {
    await execute(join(root, '.venv/bin/python'), ['-m', 'venv', venv])
    await execute(join(venv, 'bin/pip'), ['install', '--quiet', pipAudit]).catch(error => {
      throw new Unreachable(error.message.trim().split('\n').at(-1))
    })
  }
  const flags = ['--no-deps', '--disable-pip', '--progress-spinner=off', '--format=json']
  const files = ['-r', 'python/requirements-dev.txt']
  const { dependencies } = await jsonOf(tool, [...flags, ...files], 120_000)
  const skipped = dependencies.filter(({ skip_reason }) => skip_reason !== undefined)
  if (skipped.length === dependencies.length) throw new Unreachable(skipped[0].skip_reason)
  for (const { skip_reason } of skipped) console.log(`pip-audit: ${skip_reason}`)
  return dependencies.flatMap(({ name, version, vulns = [] }) =>
    vulns.map(({ id }) => ({
      text: `${name} ${version}: ${id}`,
      counts: usedByWorkers.includes(name),
    })),
  )
}

const audits = [
  ['npm audit, what users get', npm, { runtime: true, milliseconds: 60_000 }],
  ['npm audit, everything', npm, { runtime: false, milliseconds: 60_000 }],
  ['pip-audit', pip, {}],
]

export async function run({ short }) {
  const counts = { passed: 0, failed: 0, skipped: 0, tried: [] }
  const problems = lockProblems()
  for (const problem of problems) console.log(problem)
  counts[problems.length === 0 ? 'passed' : 'failed']++
  counts.tried.push('pinned exactly, without addresses')
  for (const [name, audit, options] of short ? audits.slice(0, 1) : audits) {
    try {
      const findings = await audit({ ...options, ...(short && { milliseconds: 8000 }) })
      for (const { text, counts } of findings)
        console.log(`${name}: ${text}${counts ? '' : ' (does not reach users)'}`)
      counts[findings.some(({ counts }) => counts) ? 'failed' : 'passed']++
      counts.tried.push(`${name}: ${findings.length} findings`)
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error
      console.log(`${name}: could not run here: ${error.message}`)
      counts.skipped++
      counts.tried.push(`${name}: could not run here`)
    }
  }
  return counts
}

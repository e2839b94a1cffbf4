// What is said about dependencies where they are pinned: exactly, and without naming a registry.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './step.mjs'

const read = path => readFileSync(join(root, path), 'utf8')
const exact = /^\d+\.\d+\.\d+$/
const pinned = /^[\w.-]+==[\w.]+$/

function manifest() {
  const { dependencies, devDependencies } = JSON.parse(read('package.json'))
  return Object.entries({ ...dependencies, ...devDependencies })
    .filter(([, version]) => !exact.test(version))
    .map(([name, version]) => `package.json: ${name} is not pinned exactly: ${version}`)
}

function lock() {
  const { packages } = JSON.parse(read('package-lock.json'))
  return Object.entries(packages).flatMap(([path, entry]) => [
    ...('resolved' in entry
      ? [`package-lock.json: ${path} names an address: ${entry.resolved}`]
      : []),
    // Those of other platforms, which complete-lock.mjs has added, are never installed from what it says.
    ...(path !== '' && !('integrity' in entry) && !entry.optional
      ? [`package-lock.json: ${path} has no hash`]
      : []),
    ...(entry.hasInstallScript && !entry.optional
      ? [`package-lock.json: ${path} wants to run a script when it is installed`]
      : []),
  ])
}

const requirements = path =>
  read(path)
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#') && !pinned.test(line))
    .map(line => `${path}: not pinned exactly: ${line}`)

/** What is wrong, one sentence each. */
export const lockProblems = () => [
  ...manifest(),
  ...lock(),
  ...requirements('python/requirements-dev.txt'),
  ...requirements('bench/requirements.txt'),
  ...requirements('examples/inference/requirements.txt'),
]

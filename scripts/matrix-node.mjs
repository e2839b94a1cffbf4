// npm run test:matrix:node [-- words]: the bridge tests with the addon as it is built, on each Node line.
// The interpreters come from npm (package `node-<platform>-<arch>`) and are kept in .cache.
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { closingLine, sum } from './count.mjs'
import { setup } from './setup.mjs'
import { main, root, run } from './step.mjs'

const versions = ['20.20.2', '22.23.3', '24.21.0', '26.10.0']

async function fetched(version) {
  const name = `node-${process.platform}-${process.arch}`
  const folder = join(root, '.cache/node', version)
  const node = join(folder, 'node_modules', name, 'bin/node')
  if (!existsSync(node)) {
    mkdirSync(folder, { recursive: true })
    const options = [
      '--no-save',
      '--no-package-lock',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
    ]
    await run('npm', ['install', `${name}@${version}`, '--prefix', folder, ...options], {
      cwd: folder,
    })
  }
  return node
}

await main(async () => {
  await setup()
  const { runTapFiles, tapFiles } = await import('./tap-files.mjs')
  const results = []
  for (const version of versions) {
    console.log(`\n== Node ${version}`)
    const node = await fetched(version)
    results.push(await runTapFiles(tapFiles(process.argv.slice(2), ['test/bridge']), { node }))
  }
  console.log()
  for (const [i, version] of versions.entries())
    console.log(`Node ${version}: ${results[i].passed} passed, ${results[i].failed} failed.`)
  const total = sum(results)
  console.log(closingLine(total))
  return total.failed > 0 || total.passed === 0 ? 1 : 0
})

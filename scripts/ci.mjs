// What CI runs: the tests, then the checks; one closing line for all.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { closingLine, count, shown, sum } from './count.mjs'
import { setup } from './setup.mjs'
import { main, run } from './step.mjs'

/** The browser that tests of the live view use. They skip themselves without one, so this need not succeed. */
async function chromium() {
  const there = (process.env.PATH ?? '').split(':').some(f => existsSync(join(f, 'chromium')))
  const debian = existsSync('/etc/debian_version') && process.getuid() === 0
  if (process.env.ISTHMUS_CHROMIUM || there || !process.env.CI || !debian) return
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, timeout: 120_000 }
  try {
    await run('apt-get', ['update', '-qq'], options)
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], options)
    console.log('  chromium     installed')
  } catch (error) {
    console.log(`  chromium     not installed: ${error.message.split('\n').slice(0, 3).join(' ')}`)
  }
}

await main(async () => {
  await chromium()
  // The tests of examples/inference skip themselves without their packages, which are half a minute to install.
  await setup({ inference: true })
  const results = []
  for (const script of ['scripts/test.mjs', 'scripts/lint.mjs']) {
    const { output, code } = await shown(process.execPath, [script])
    const counts = count(output)
    // A script that failed without counting a failure has failed all the same.
    results.push(code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts)
  }
  const total = sum(results)
  console.log(closingLine(total))
  return total.failed > 0 ? 1 : 0
})

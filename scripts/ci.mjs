// What CI runs: the tests, then the checks; one closing line for all.
import { closingLine, count, shown, sum } from './count.mjs'
import { setup } from './setup.mjs'
import { main } from './step.mjs'

await main(async () => {
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

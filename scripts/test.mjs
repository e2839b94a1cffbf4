// npm test: set-up, then the native, tap and pytest tests, the short form of `npm run verify`, and one closing line.
import { closingLine, sum } from './count.mjs'
import { setup } from './setup.mjs'
import { main } from './step.mjs'
import { testNative } from './test-native.mjs'
import { testNode } from './test-node.mjs'
import { testPython } from './test-python.mjs'
import { verify } from './verify.mjs'

const runners = {
  native: testNative,
  node: testNode,
  python: testPython,
  verification: async () => sum(await verify({ short: true })),
}

await main(async () => {
  await setup()
  const results = []
  for (const [name, runner] of Object.entries(runners)) {
    console.log(`\n== ${name}`)
    try {
      results.push([name, await runner()])
    } catch (error) {
      console.log(error.message)
      results.push([name, { passed: 0, failed: 1 }])
    }
  }
  console.log()
  for (const [name, counts] of results)
    console.log(`${name}: ${counts.passed} of ${counts.passed + counts.failed}`)
  const total = sum(results.map(([, counts]) => counts))
  console.log(closingLine(total))
  return total.failed > 0 || total.passed === 0 ? 1 : 0
})

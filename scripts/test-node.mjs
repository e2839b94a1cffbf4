// npm run test:node [-- words]: the tap tests whose path contains one of the words.
import { pathToFileURL } from 'node:url'
import { closingLine } from './count.mjs'
import { main } from './step.mjs'

export async function testNode(words = []) {
  const { runTapFiles, tapFiles } = await import('./tap-files.mjs') // tap-parser is there only after the set-up
  return runTapFiles(tapFiles(words))
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { setup } = await import('./setup.mjs')
  const words = process.argv.slice(2)
  await main(async () => {
    await setup()
    const counts = await testNode(words)
    console.log(closingLine(counts))
    return counts.failed > 0 || (counts.passed === 0 && words.length > 0) ? 1 : 0
  })
}

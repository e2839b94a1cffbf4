// npm run prebuild: puts addon and extension where the package carries them, one folder per platform, and the benchmarks.
import { chmodSync, copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { assembleBench, benchFolder } from './assemble-bench.mjs'
import { addon, extension } from './build-native.mjs'
import { setup } from './setup.mjs'
import { main, root } from './step.mjs'

await main(async () => {
  await setup()
  const folder = join('prebuilds', `${process.platform}-${process.arch}`)
  mkdirSync(join(root, folder), { recursive: true })
  for (const [from, to] of [
    [addon, 'isthmus_node.node'],
    [extension, '_native.abi3.so'],
  ]) {
    copyFileSync(join(root, from), join(root, folder, to))
    chmodSync(join(root, folder, to), 0o644) // whatever the linker and the umask say
  }
  assembleBench()
  console.log(`${folder}: isthmus_node.node, _native.abi3.so; ${benchFolder}`)
})

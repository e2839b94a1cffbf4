// npm run prebuild: puts addon and extension where the package carries them, one folder per platform.
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { addon, extension } from './build-native.mjs'
import { setup } from './setup.mjs'
import { main, root } from './step.mjs'

await main(async () => {
  await setup()
  const folder = join('prebuilds', `${process.platform}-${process.arch}`)
  mkdirSync(join(root, folder), { recursive: true })
  copyFileSync(join(root, addon), join(root, folder, 'isthmus_node.node'))
  copyFileSync(join(root, extension), join(root, folder, '_native.abi3.so'))
  console.log(`${folder}: isthmus_node.node, _native.abi3.so`)
})

// npm run prebuild: puts the addon where the package carries it, one folder per platform.
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { addon } from './build-native.mjs'
import { setup } from './setup.mjs'
import { main, root } from './step.mjs'

await main(async () => {
  await setup()
  const folder = join('prebuilds', `${process.platform}-${process.arch}`)
  mkdirSync(join(root, folder), { recursive: true })
  copyFileSync(join(root, addon), join(root, folder, 'isthmus_node.node'))
  console.log(`${folder}/isthmus_node.node`)
})

// Compiled tests, examples and benches find the files beside their source: every file that is not TypeScript
// is linked to the same place under build/ts, so `new URL('./model.py', import.meta.url)` works there too.
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { filesUnder, root } from './step.mjs'

export const fixtures = () =>
  ['test', 'examples', 'bench'].flatMap(folder =>
    filesUnder(folder, path => !/\.(ts|cc|h)$/.test(path)),
  )

export function linkFixtures() {
  for (const file of fixtures()) {
    const link = join(root, 'build/ts', file)
    const target = relative(dirname(link), join(root, file))
    mkdirSync(dirname(link), { recursive: true })
    const there = lstatSync(link, { throwIfNoEntry: false })
    if (there?.isSymbolicLink() && readlinkSync(link) === target) continue
    if (there) rmSync(link)
    symlinkSync(target, link)
  }
  const built = join(root, 'build/ts')
  if (!existsSync(built)) return
  for (const name of readdirSync(built, { recursive: true })) {
    const path = join(built, name)
    if (lstatSync(path).isSymbolicLink() && !existsSync(path)) rmSync(path)
  }
}

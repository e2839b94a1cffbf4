// Removes everything that a set-up makes, except node_modules and the .venvs (`--all` removes those too).
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './step.mjs'

const made = [
  'build',
  'dist',
  '.cache',
  'src/generated',
  'native/generated',
  'python/isthmus/_native.abi3.so',
]
const fetched = process.argv.includes('--all') ? ['node_modules', '.venv', '.venv-experiments'] : []
for (const path of [...made, ...fetched]) rmSync(join(root, path), { recursive: true, force: true })

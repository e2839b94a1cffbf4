// node-gyp builds the addon and the Python extension; the extension is then put where Python imports it from.
import { copyFileSync, existsSync, readFileSync, renameSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { root, run } from './step.mjs'

export const addon = 'build/Release/isthmus_node.node'
export const extension = 'python/isthmus/_native.abi3.so'

/** Headers that came with this very Node, so that nothing is downloaded where they are at hand. */
function headersBesideNode() {
  const prefix = dirname(dirname(process.execPath))
  const header = join(prefix, 'include/node/node_version.h')
  if (!existsSync(header)) return []
  const text = readFileSync(header, 'utf8')
  const version = ['MAJOR', 'MINOR', 'PATCH'].map(
    part => text.match(new RegExp(`#define NODE_${part}_VERSION (\\d+)`))?.[1],
  )
  return version.join('.') === process.versions.node ? [`--nodedir=${prefix}`] : []
}

/** Replaces a file in one step: a process that has the old one mapped keeps it. */
function replace(from, to) {
  copyFileSync(join(root, from), join(root, `${to}.new`))
  renameSync(join(root, `${to}.new`), join(root, to))
}

/** Says in one sentence what node-gyp would say in forty lines. */
async function requireTools() {
  const compiler = process.env.CXX ?? 'g++'
  for (const tool of [compiler.split(' ')[0], 'make']) {
    await run(tool, ['--version']).catch(() => {
      throw new Error(
        `\`${tool}\` is needed and was not found (on Debian or Ubuntu: apt-get install g++ make)`,
      )
    })
  }
}

export async function buildNative() {
  await requireTools()
  const gyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js')
  const python = join(root, '.venv/bin/python')
  const common = ['--loglevel=error', `--python=${python}`, ...headersBesideNode()]
  const node = args => run(process.execPath, [gyp, ...args, ...common])
  await node(['configure'])
  await node(['build', `--jobs=${availableParallelism()}`])
  replace('build/Release/_native.node', extension) // node-gyp ends every module's name so
}

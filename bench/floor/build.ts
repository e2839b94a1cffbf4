// Compiles the floors with node-gyp when a source is newer than what was built.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { source } from '../paths.js'

const kBuilt = ['node_loop.node', 'responder', 'cache_line', 'memcpy']

export const built = (name: string): string => source('floor', 'build', 'Release', name)

function isFresh(): boolean {
  if (!kBuilt.every(name => existsSync(built(name)))) return false
  const oldest = Math.min(...kBuilt.map(name => statSync(built(name)).mtimeMs))
  return readdirSync(source('floor'))
    .filter(name => /\.(cc|h|gyp)$/.test(name))
    .every(name => statSync(source('floor', name)).mtimeMs <= oldest)
}

/** Node's headers where they are installed beside it; otherwise node-gyp downloads them. */
function headers(): string[] {
  const prefix = dirname(dirname(process.execPath))
  return existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : []
}

export function buildFloors(): void {
  if (isFresh()) return
  const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js')
  const args = [nodeGyp, 'rebuild', '-C', source('floor'), ...headers()]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  if (status !== 0) throw new Error(`node-gyp could not build bench/floor:\n${stdout}${stderr}`)
}

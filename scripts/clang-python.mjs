// The Python extension with clang's sanitizers and libFuzzer in it, as a module for test/fuzz/python_decoder.py.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { inParallel, isFresh } from './compile.mjs'
import { coreSources, includeFolders } from './native-flags.mjs'
import { filesUnder, hashOf, root, run, step } from './step.mjs'

const compiler = process.env.CLANGXX ?? 'clang++'

const language = ['-std=c++20', '-O1', '-g', '-fPIC', '-fno-omit-frame-pointer', '-pthread', '-MMD']
const likeProduct = ['-fno-exceptions', '-fno-rtti', '-fvisibility=hidden', '-DISTHMUS_LIBFUZZER']
const sanitizers = [
  '-fsanitize=fuzzer-no-link,address,undefined',
  '-fno-sanitize-recover=undefined',
  '-shared-libasan',
]

/** One of the libraries that come with the compiler; undefined if it has none of that name. */
function runtime(name) {
  try {
    const resources = execFileSync(compiler, ['-print-resource-dir'], { encoding: 'utf8' }).trim()
    const found = join(resources, 'lib/linux', name)
    return existsSync(found) ? found : undefined
  } catch {
    return undefined
  }
}

const suffix = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
export const asan = () => runtime(`libclang_rt.asan-${suffix}.so`)
const fuzzer = () => runtime(`libclang_rt.fuzzer_no_main-${suffix}.a`)

/** What is missing for it, as a command that installs it; or undefined. */
export const missing = () =>
  asan() && fuzzer()
    ? undefined
    : 'apt-get install clang libclang-rt-dev   (Debian 12: clang libclang-rt-14-dev)'

const key = createHash('sha256')
  .update([compiler, ...language, ...likeProduct, ...sanitizers].join(' '))
  .digest('hex')
  .slice(0, 8)
const folder = `build/fuzz/python-decoder-${key}`
const module = `${folder}/decoder_peer.so`

/** Whether there is one, of whatever age: to make it takes minutes. */
export const isBuilt = () => existsSync(join(root, module))

/** The path of the module. */
export async function buildFuzzedModule() {
  const sources = [
    ...coreSources(),
    ...filesUnder('native/python', path => path.endsWith('.cc')),
    ...filesUnder('test/python', path => /\/decoder_\w+\.cc$/.test(path)),
  ]
  const flags = [...language, ...likeProduct, ...sanitizers, ...includeFolders()]
  const objects = sources.map(source => join(folder, source.replace(/\.cc$/, '.o')))
  await step({
    name: 'fuzzed module',
    stampFile: join(root, folder, 'stamp'),
    stamp: () => hashOf(['scripts/clang-python.mjs', ...objects], flags.join(' ')),
    outputs: [module, ...(objects.every(object => isFresh(join(root, object))) ? [] : ['never'])],
    work: async () => {
      const stale = sources
        .map((source, at) => ({ source, object: objects[at] }))
        .filter(({ object }) => !isFresh(join(root, object)))
      await inParallel(
        stale.map(({ source, object }) => () => {
          mkdirSync(join(root, dirname(object)), { recursive: true })
          return run(compiler, [...flags, '-c', source, '-o', object])
        }),
      )
      await run(compiler, [
        '-shared',
        '-Wl,-Bsymbolic',
        ...sanitizers,
        '-pthread',
        ...objects,
        fuzzer(),
        '-o',
        module,
      ])
    },
  })
  return join(root, module)
}

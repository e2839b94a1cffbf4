// Answers binding.gyp's questions, one per call: `node scripts/native-flags.mjs python-include`.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { venvPython } from './python.mjs'
import { filesUnder, root } from './step.mjs'

const ask = code =>
  execFileSync(venvPython, ['-I', '-c', code], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim()

export const coreSources = () => [
  ...filesUnder('native/core', path => path.endsWith('.cc')),
  ...filesUnder('native/os', path => path.endsWith(`${process.platform}.cc`)),
]

const answers = {
  'core-sources': () => coreSources().join('\n'),
  'node-sources': () => filesUnder('native/node', path => path.endsWith('.cc')).join('\n'),
  'python-sources': () => filesUnder('native/python', path => path.endsWith('.cc')).join('\n'),
  'node-addon-api': () => join(root, 'node_modules/node-addon-api'),
  'python-include': () => ask('import sysconfig; print(sysconfig.get_paths()["include"])'),
  'numpy-include': () => ask('import numpy; print(numpy.get_include())'),
}

/** For a compiler that is called without node-gyp: what the Python extension includes. */
export const includeFolders = () => [
  ...['native', 'native/generated', 'test/native'].map(folder => `-I${folder}`),
  ...['native/generated/include', answers['python-include'](), answers['numpy-include']()].flatMap(
    folder => ['-isystem', folder],
  ),
]

if (import.meta.url === pathToFileURL(process.argv[1]).href) console.log(answers[process.argv[2]]())

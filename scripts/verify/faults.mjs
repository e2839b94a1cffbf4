// Every fault that we know how to cause, with real processes: descriptors, memory, readers, imports, workers, Node.
import { join } from 'node:path'
import { root } from '../step.mjs'

export const about =
  'faults on purpose: no descriptors, no memory, stopped readers, broken imports, hostile surroundings'

/** The numbers of the files whose subject is a fault; `npm test` runs all of them in their short form. */
const files = /\/(3[1256]|4[01]|6[26]|7[0246]|8[046]|88|9[0-5])-[\w-]+(\.alone)?\.test\.ts$/

export async function run({ short }) {
  if (short) return { passed: 0, failed: 0, tried: [] } // they are among the tests of the bridge
  const { runTapFiles, tapFiles } = await import('../tap-files.mjs') // tap-parser is there only after the set-up
  const paths = tapFiles([], ['test/bridge']).filter(path => files.test(join(root, path)))
  const { passed, failed } = await runTapFiles(paths, {
    env: { ...process.env, ISTHMUS_FAULTS: 'full', TAP_TIMEOUT: '900' },
    deadlineSeconds: 1000,
  })
  return { passed, failed, tried: [`${paths.length} files of faults in full form`] }
}

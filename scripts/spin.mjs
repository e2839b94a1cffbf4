// Where the model checker `spin` is. On Debian and Ubuntu it is fetched into .cache/tools when missing, which needs no root.
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from './step.mjs'

const tools = join(root, '.cache/tools')
const fetched = join(tools, 'usr/bin/spin')

const works = async command => (await run(command, ['-V']).catch(() => '')).startsWith('Spin')

/** The command to run, or null. */
export async function findSpin() {
  for (const command of ['spin', fetched]) if (await works(command)) return command
  if (!existsSync('/usr/bin/apt-get')) return null
  try {
    mkdirSync(tools, { recursive: true })
    const options = { cwd: tools, timeout: 15_000 }
    await run('apt-get', ['download', '-qq', 'spin'], options)
    for (const file of readdirSync(tools).filter(name => /^spin_.*\.deb$/.test(name)))
      await run('dpkg', ['-x', file, '.'], options)
  } catch {}
  return (await works(fetched)) ? fetched : null
}

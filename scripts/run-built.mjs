// Set-up, then a compiled program: `node scripts/run-built.mjs [--bench|--experiment] examples/particles/main.js …its arguments`.
import { join } from 'node:path'
import { setup } from './setup.mjs'
import { main, root, runInherited } from './step.mjs'

await main(async () => {
  const args = process.argv.slice(2)
  const bench = args[0] === '--bench'
  const experiment = args[0] === '--experiment'
  const [program, ...rest] = bench || experiment ? args.slice(1) : args
  if (!program) throw new Error('name a program, such as examples/particles/main.js')
  await setup({ bench, experiment })
  // Ctrl-C reaches the program through the terminal; it decides when to end. SIGTERM comes from npm, which tells its
  // child alone: package.json has `exec`, so that this is us and not a shell.
  process.on('SIGINT', () => {})
  return runInherited(
    process.execPath,
    ['--enable-source-maps', join(root, 'build/ts', program), ...rest],
    {
      cwd: process.env.INIT_CWD ?? process.cwd(),
    },
  )
})

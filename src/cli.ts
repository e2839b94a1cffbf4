#!/usr/bin/env node
// npx isthmus: what the package does on the command line.
import { existsSync, readFileSync } from 'node:fs'
import { PythonNotFoundError } from './errors.js'
import { findPython } from './python.js'
import { didYouMean } from './spelling.js'

const usage = `Usage: npx isthmus <command>

  bench [options]   measures what a crossing costs on this machine, against other ways to call Python;
                    about two minutes. --quick, --full, --install, --help and others
  --version         the version of this package
  --help            this text`

const commands = ['bench', '--version', '--help']

/** The benchmarks, which the package carries beside this file. They use the Python that `spawn` would find here. */
async function bench(args: readonly string[]): Promise<number> {
  const file = new URL('./bench/run.js', import.meta.url)
  if (!existsSync(file)) {
    console.error('this copy carries no benchmarks; in the repository they are: npm run bench')
    return 1
  }
  process.env.ISTHMUS_PYTHON = findPython({ folder: process.cwd() }).executable
  const { main } = (await import(file.href)) as {
    main(args: readonly string[]): Promise<number>
  }
  return main(args)
}

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}

/** 0 when all went well, 1 when something failed, 2 for bad usage. */
async function main([command, ...rest]: readonly string[]): Promise<number> {
  switch (command) {
    case 'bench':
      return bench(rest)
    case '--version':
      console.log(version())
      return 0
    case '--help':
    case undefined:
      console.log(usage)
      return 0
    default:
      console.error(
        `no command '${command}'${didYouMean(command, commands)}\n\nnpx isthmus --help lists what there is.`,
      )
      return 2
  }
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof PythonNotFoundError)) throw error
  console.error(error.message)
  process.exitCode = 1
}

/** The particle simulation in a browser: serves a page that draws the arrays that numpy computes. */
import { UsageError } from '../options.js'
import { type Options, parseOptions, usage } from './options.js'
import { serve } from './server.js'

async function run(options: Options): Promise<void> {
  const live = await serve(options).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE')
      throw new UsageError(`port ${options.port} is in use: choose another one with --port, or 0`)
    throw error
  })
  console.log(`${live.url}  (Ctrl-C ends it)`)
  await new Promise<void>(resolve => {
    process.once('SIGINT', resolve)
    // It may come twice, to the process group and passed on by npm; a second Ctrl-C ends it at once.
    process.on('SIGTERM', resolve)
  })
  await live[Symbol.asyncDispose]()
}

try {
  const options = parseOptions(process.argv.slice(2))
  if (options === undefined) console.log(usage)
  else await run(options)
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(`${error.message} (--help lists the options)`)
  process.exitCode = 2
}

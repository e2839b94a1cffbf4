// npm leaves a platform's package out of the lock file when the registry at hand does not carry it, and then
// refuses `npm ci` everywhere. This adds what is missing; run it after changing a dependency.
import { readFileSync, writeFileSync } from 'node:fs'

const file = process.argv[2] ?? new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(readFileSync(file, 'utf8'))
const added = []
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const place = `node_modules/${name}`
    const platform = name.match(/(android|darwin|linux|win32)-(x64|arm64|arm)(-musl)?$/)
    if (!platform || lock.packages[place] || lock.packages[`${path}/${place}`]) continue
    const [, os, cpu, musl] = platform
    lock.packages[place] = {
      version,
      cpu: [cpu],
      ...(entry.dev ? { dev: true } : {}),
      ...(musl ? { libc: ['musl'] } : {}),
      optional: true,
      os: [os],
    }
    added.push(`${name}@${version}`)
  }
}
const [first, ...rest] = Object.keys(lock.packages)
lock.packages = Object.fromEntries([first, ...rest.sort()].map(key => [key, lock.packages[key]]))
writeFileSync(file, `${JSON.stringify(lock, undefined, 2)}\n`)
console.log(added.length === 0 ? 'the lock file was complete' : `added ${added.join(', ')}`)

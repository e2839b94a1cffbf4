// The documentation against the code: every error code is explained, and no link leads nowhere.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const pages = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'bench/README.md',
  'examples/README.md',
  'examples/particles/README.md',
  'examples/service/README.md',
  ...readdirSync(join(root, 'docs'))
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`),
]

const codesIn = (text: string, pattern: RegExp) =>
  [...new Set([...text.matchAll(pattern)].map(match => match[1]!))].sort()

/** As GitHub makes them. */
function anchorsOf(page: string): Set<string> {
  const headings = page.replace(/^```.*?^```/gms, '').matchAll(/^#+ +(.*)$/gm)
  const slug = (heading: string) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-')
  return new Set([...headings].map(([, heading]) => slug(heading!)))
}

t.test('troubleshooting has a row for every error code, and none that does not exist', async t => {
  const codes = codesIn(read('src/errors.ts'), /readonly code = '(ERR_\w+)'/g)
  const rows = codesIn(read('docs/troubleshooting.md'), /^\| `(ERR_\w+)` \|/gm)
  t.ok(codes.length > 20)
  t.strictSame(rows, codes)
})

t.test('no page names an error code that no language knows', async t => {
  const known = new Set(
    ['src/errors.ts', 'python/isthmus/errors.py'].flatMap(file =>
      codesIn(read(file), /(ERR_[A-Z_]+)/g),
    ),
  )
  for (const page of pages)
    for (const code of codesIn(read(page), /`(ERR_[A-Z_]+)`/g))
      t.ok(known.has(code), `${page}: ${code}`)
})

t.test('every relative link leads to a file, and to a heading of it', async t => {
  for (const page of pages) {
    const text = read(page).replace(/^```.*?^```/gms, '')
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue
      const [path, anchor] = target!.split('#')
      const file = path === '' ? join(root, page) : resolve(root, dirname(page), path!)
      t.ok(existsSync(file), `${page} links to ${relative(root, file)}`)
      if (anchor === undefined || !existsSync(file) || statSync(file).isDirectory()) continue
      const anchors = anchorsOf(readFileSync(file, 'utf8'))
      t.ok(anchors.has(anchor), `${page} links to ${relative(root, file)}#${anchor}`)
    }
  }
})

t.test('every example has a row in the index, and a test', async t => {
  const index = read('examples/README.md')
  const folders = readdirSync(join(root, 'examples'), { withFileTypes: true })
    .filter(entry => entry.isDirectory() && entry.name !== '__pycache__')
    .map(({ name }) => name)
  t.ok(folders.length >= 8)
  for (const name of folders) {
    t.ok(index.includes(`| [${name}](${name}/)`), name)
    t.ok(existsSync(join(root, `examples/${name}/${name}.test.ts`)), `${name}.test.ts`)
  }
})

t.test('the table of README and the page of benchmarks are those of the committed run', async t => {
  for (const program of ['readme', 'page'])
    t.doesNotThrow(() =>
      execFileSync(process.execPath, [join(root, `build/ts/bench/${program}.js`), '--check']),
    )
})

// Which changes below a folder are changes of source.
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { SourceWatcher } from '#src/watch.js'
import { within } from '../fixtures/watchdog.js'

/** A folder, and what says when a change of source was seen. */
function watched(t: { teardown(work: () => void): unknown }) {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-watch-'))
  mkdirSync(join(folder, 'inner'))
  mkdirSync(join(folder, 'venv/lib'), { recursive: true })
  writeFileSync(join(folder, 'venv/pyvenv.cfg'), '')
  let seen: () => void = () => {}
  let changes = 0
  const watcher = new SourceWatcher(folder, () => {
    changes++
    seen()
  })
  t.teardown(() => {
    watcher.close()
    rmSync(folder, { recursive: true })
  })
  const change = () =>
    within(
      'a change is seen',
      new Promise<void>(resolve => {
        seen = resolve
      }),
    )
  return {
    folder,
    change,
    count: () => changes,
    write: (path: string) => writeFileSync(join(folder, path), ''),
  }
}

t.test('a file is written, in the folder, below it, and in a folder that is new', async t => {
  const { folder, change, write } = watched(t)
  for (const path of ['model.py', 'inner/part.py']) {
    const seen = change()
    write(path)
    await seen
  }
  let seen = change()
  mkdirSync(join(folder, 'new'))
  write('new/first.py')
  await seen
  seen = change()
  write('new/second.py')
  await seen
  t.pass('four of four')
})

t.test('an editor that renames a new file over the old one is seen', async t => {
  const { folder, change, write } = watched(t)
  write('model.py')
  await change()
  const seen = change()
  write('model.py~')
  renameSync(join(folder, 'model.py~'), join(folder, 'model.py'))
  await seen
  t.pass()
})

t.test(
  'several files at once are one change; what is no source, or no source of the user, is none',
  async t => {
    const { folder, change, count, write } = watched(t)
    mkdirSync(join(folder, '__pycache__'))
    write('data.txt')
    write('__pycache__/model.py')
    write('venv/lib/package.py')
    const seen = change()
    for (let at = 0; at < 20; at++) write(`part${at}.py`)
    await seen
    t.equal(count(), 1)
  },
)

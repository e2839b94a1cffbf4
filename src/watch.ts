// `watch: true`: says when Python source below a folder has changed.
import { existsSync, type FSWatcher, readdirSync, statSync, watch } from 'node:fs'
import { join } from 'node:path'

/** An editor writes a file in several steps, and a branch is checked out file by file. Milliseconds of quiet. */
const quiet = 100

/** Not fs.watch's own recursion: it would watch every file of an environment that lies beside the script. */
export class SourceWatcher {
  readonly #onChange: () => void
  readonly #folders = new Map<string, FSWatcher>()
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(folder: string, onChange: () => void) {
    this.#onChange = onChange
    this.#add(folder)
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    for (const watcher of this.#folders.values()) watcher.close()
    this.#folders.clear()
  }

  #add(folder: string): void {
    if (this.#closed || this.#folders.has(folder)) return
    try {
      // Not persistent: a watcher does not keep Node alive.
      const watcher = watch(folder, { persistent: false }, (_, name) => this.#changed(folder, name))
      watcher.on('error', () => this.#remove(folder))
      this.#folders.set(folder, watcher)
      for (const entry of readdirSync(folder, { withFileTypes: true }))
        if (entry.isDirectory() && isSource(folder, entry.name)) this.#add(join(folder, entry.name))
    } catch {
      this.#remove(folder) // gone already, or not ours to read
    }
  }

  #remove(folder: string): void {
    this.#folders.get(folder)?.close()
    this.#folders.delete(folder)
  }

  #changed(folder: string, name: string | null): void {
    if (name === null) return
    if (!name.endsWith('.py') && !this.#newFolder(folder, name)) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#onChange, quiet).unref()
  }

  /** Has a folder come, perhaps with sources that were in it before anybody watched? Or has one gone? */
  #newFolder(folder: string, name: string): boolean {
    const path = join(folder, name)
    const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
    const known = this.#folders.has(path)
    if (known === isFolder || !isSource(folder, name)) return false
    if (known) this.#remove(path)
    else this.#add(path)
    return true
  }
}

/** Hidden folders, caches, packages and environments hold no source of the user's. */
function isSource(folder: string, name: string): boolean {
  if (name.startsWith('.') || name === '__pycache__' || name === 'node_modules') return false
  return !existsSync(join(folder, name, 'pyvenv.cfg'))
}

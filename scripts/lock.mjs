// One set-up at a time in one tree: a second one waits for the first.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { root } from './step.mjs'

const path = join(root, '.cache/setup.lock')

function holderIsAlive() {
  try {
    process.kill(Number(readFileSync(path, 'utf8')), 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

export async function withLock(body) {
  mkdirSync(join(root, '.cache'), { recursive: true })
  for (let told = false; ; await sleep(100)) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' })
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (existsSync(path) && !holderIsAlive()) {
      await sleep(50) // it may just have been created and not yet hold its number
      if (!holderIsAlive()) rmSync(path, { force: true })
      continue
    }
    if (!told) console.log('  waiting for another set-up in this folder')
    told = true
  }
  try {
    return await body()
  } finally {
    rmSync(path, { force: true })
  }
}

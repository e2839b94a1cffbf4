// Cases that a program of its own measures: the floors in C++, and numpy without any bridge.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { built } from '../floor/build.js'
import { Histogram } from '../histogram.js'
import { python, source } from '../paths.js'
import type { Case, Measured } from './case.js'
import { doubleSizes, tensorSizes } from './tensor.js'

/** Runs it and reads one sample in ns per line. */
async function samplesOf(program: string, args: string[]): Promise<Measured> {
  const { stdout } = await promisify(execFile)(program, args, { maxBuffer: 2 ** 28 })
  const histogram = new Histogram()
  for (const line of stdout.trim().split('\n')) histogram.recordNs(Number(line))
  return { histogram }
}

export const cacheLine: Case = {
  title: 'round trip of one cache line between two C++ processes, spinning or asleep',
  contenders: ['floor-cores', 'floor-parked'],
  sizes: [0],
  run: ({ contender, seconds }) =>
    samplesOf(built(contender === 'floor-parked' ? 'parked' : 'cache_line'), [String(seconds)]),
}

export const memcpy: Case = {
  title: 'one hot memcpy of as many bytes',
  contenders: ['floor-memcpy'],
  sizes: tensorSizes,
  run: ({ bytes, seconds }) => samplesOf(built('memcpy'), [String(bytes), String(seconds)]),
}

export const numpyAlone: Case = {
  title: 'x * 2 in a plain Python script',
  contenders: ['numpy-alone'],
  sizes: doubleSizes,
  run: ({ bytes, seconds }) =>
    samplesOf(python(), [source('cases', 'double_alone.py'), String(bytes), String(seconds)]),
}

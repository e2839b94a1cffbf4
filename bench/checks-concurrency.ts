// Streams, callbacks, cancellation and pools: issue 3.
import { kFrameBytes } from './cases/concurrency.js'
import { type Check, check, type Reading } from './check.js'
import { digits, time, times } from './format.js'

const kTensorBytes = 2 ** 29
const kFlatMb = kFrameBytes / 1e6 // growth that is still called flat: one frame of the stream

const mb = (value: number): string => `${digits(value)} MB`
const perSecond = (value: number): string => `${digits(value)}/s`

export function concurrencyChecks(reading: Reading): Check[] {
  return [
    ...streams(reading),
    ...callsAndCallbacks(reading),
    ...cancellation(reading),
    ...killedWorkers(reading),
    ...reduction(reading),
  ]
}

function streams({ figure }: Reading): Check[] {
  const items = figure('itemsPerSecond', 'stream', 'isthmus')
  const frames = (name: string): number => figure(name, 'stream-24mb', 'isthmus', kFrameBytes)
  const slow = (name: string): number => figure(name, 'slow-reader', 'isthmus', kFrameBytes)
  const grown = (what: string, name: string): Check =>
    check(`slow reader: growth of ${what}`, ['≤', kFlatMb], slow(name), mb)
  return [
    check('stream of small items', ['≥', 300_000], items, perSecond),
    check('stream of 24 MB frames', ['≥', 10_000], frames('itemsPerSecond'), perSecond),
    check('stream of 24 MB frames: bytes copied', ['≤', 0], frames('copiedBytesPerItem'), digits),
    check('slow reader: frames', ['≥', 10_000], slow('frames'), digits),
    check('slow reader: slower than the producer', ['≥', 100], slow('slowerBy'), times),
    grown('RSS of Node', 'nodeGrowthMb'),
    grown('RSS of Python', 'pythonGrowthMb'),
    grown('Shmem', 'shmemGrowthMb'),
  ]
}

function callsAndCallbacks({ p50, figure }: Reading): Check[] {
  const blocking = p50('small-sync', 'isthmus-sync')
  const embedded = (name: string): Check =>
    check(`callSync: ${name}`, ['≤', 4], blocking / p50('small-sync', name), times)
  return [
    check(
      'callback from Python: a small call',
      ['≤', 3],
      figure('perSmallCall', 'callback', 'isthmus'),
      times,
    ),
    check('callSync: the awaited call', ['<', 1], blocking / p50('small-sync', 'isthmus'), times),
    embedded('node-calls-python-sync'),
    embedded('pymport-sync'),
  ]
}

function cancellation({ max, figure }: Reading): Check[] {
  const aborts = (name: string): number => figure(name, 'aborts', 'isthmus')
  return [
    check('while True: pass, interrupted: worst', ['≤', 100e6], max('interrupt', 'isthmus'), time),
    check(
      'the same with two threads: worst',
      ['≤', 100e6],
      max('interrupt', 'isthmus-threads'),
      time,
    ),
    check('aborts at random moments', ['≥', 1000], aborts('aborts'), digits),
    check('aborts: promises left unsettled', ['≤', 0], aborts('unsettled'), digits),
    check('aborts: leases left', ['≤', 0], aborts('leases'), digits),
  ]
}

function killedWorkers({ figure }: Reading): Check[] {
  const kills = (name: string): number => figure(name, 'kills', 'isthmus')
  const unanswered = kills('calls') - kills('right') - kills('lost')
  return [
    check('kill -9: calls made', ['≥', 20_000], kills('calls'), digits),
    check('kill -9: calls neither right nor rejected', ['≤', 0], unanswered, digits),
    check('kill -9: workers of 4 afterwards', ['≥', 4], kills('workersReady'), digits),
    check('kill -9: leases left', ['≤', 0], kills('leases'), digits),
    check('kill -9: descriptors left', ['≤', 0], kills('files'), digits),
    check('kill -9: processes left', ['≤', 0], kills('processesLeft'), digits),
  ]
}

function reduction({ p50, figure }: Reading): Check[] {
  const own = p50('reduce', 'isthmus', kTensorBytes)
  const ahead = (title: string, rival: string): Check =>
    check(`sum of 512 MB: ${title}`, ['≥', 1], p50('reduce', rival, kTensorBytes) / own, times)
  const seen = (name: string): number => figure(name, 'reduce', 'isthmus', kTensorBytes)
  return [
    check('sum of 512 MB: bytes copied', ['≤', 0], seen('copiedBytesPerCall'), digits),
    check('sum of 512 MB: memory beyond the tensor', ['<', 64], seen('extraMb'), mb),
    ahead('multiprocessing.Pool, pickle', 'pool-pickle'),
    ahead('joblib, memmap', 'joblib-memmap'),
    ahead('joblib, a memmap from the start', 'joblib-memmap-input'),
    ahead('joblib, max_nbytes=None', 'joblib-pickle'),
  ]
}

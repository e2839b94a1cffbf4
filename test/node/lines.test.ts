import fc from 'fast-check'
import t from 'tap'
import { LastLines, type LineEnd, LineSplitter } from '#src/lines.js'

function split(chunks: readonly Uint8Array[], maxLength?: number): [string, LineEnd][] {
  const lines: [string, LineEnd][] = []
  const splitter = new LineSplitter((text, end) => lines.push([text, end]), maxLength)
  for (const chunk of chunks) splitter.write(chunk)
  splitter.end()
  return lines
}

const bytes = (text: string) => Buffer.from(text)

t.test('lines end at newlines, wherever the chunks are cut', async t => {
  t.strictSame(split([bytes('one\ntw'), bytes('o\r'), bytes('\nthree')]), [
    ['one', '\n'],
    ['two', '\r\n'],
    ['three', ''],
  ])
  t.strictSame(split([]), [])
  t.strictSame(split([bytes('\n\n')]), [
    ['', '\n'],
    ['', '\n'],
  ])
})

t.test('a character cut in two by a chunk stays whole', async t => {
  const text = bytes('é日😀\n')
  t.strictSame(split(Array.from(text, byte => Uint8Array.of(byte))), [['é日😀', '\n']])
})

t.test('a progress bar is delivered as it goes', async t => {
  const lines: string[] = []
  const splitter = new LineSplitter(text => lines.push(text))
  splitter.write(bytes('10%\r20%\r30%'))
  t.strictSame(lines, ['10%', '20%'])
})

t.test('a line without end is delivered in parts', async t => {
  t.strictSame(split([bytes('abcdefg\nh')], 3), [
    ['abc', ''],
    ['def', ''],
    ['g', '\n'],
    ['h', ''],
  ])
  t.strictSame(split([bytes('ab😀')], 3), [
    ['ab', ''],
    ['😀', ''],
  ])
})

t.test('text and ends together are the stream, whatever the chunks', async t => {
  const piece = fc.string({ unit: fc.constantFrom('a', 'é', '😀', '\n', '\r'), maxLength: 40 })
  fc.assert(
    fc.property(piece, fc.array(fc.nat(20)), fc.integer({ min: 1, max: 9 }), (text, cuts, max) => {
      const whole = bytes(text)
      const chunks: Uint8Array[] = []
      let at = 0
      for (const cut of cuts) {
        chunks.push(whole.subarray(at, at + cut))
        at += cut
      }
      chunks.push(whole.subarray(at))
      const lines = split(chunks, max)
      if (lines.map(([line, end]) => line + end).join('') !== text) return false
      return lines.every(([line]) => line.length <= Math.max(max, 2) && !/[\r\n]/.test(line))
    }),
  )
  t.pass()
})

t.test('the last lines are kept, and a line that was overwritten is not', async t => {
  const last = new LastLines(3, 5)
  for (const line of ['a', 'b', 'c', 'd']) last.push(line, '\n')
  t.strictSame(last.get(), ['b', 'c', 'd'])
  last.push('10%', '\r')
  last.push('100%', '\n')
  last.push('too long', '\n')
  last.push('', '\n')
  t.strictSame(last.get(), ['100%', 'too l…'])
})

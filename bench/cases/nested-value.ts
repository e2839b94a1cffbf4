// Nested values such as services exchange: a list of records with strings, integers, floats, lists and maps.

export interface Nested {
  /** Changed for each call, so that a stale answer cannot pass. */
  sequence: number
  readonly source: string
  readonly records: readonly unknown[]
}

const kNames = ['Ada', 'Grace', 'Émilie', 'Chien-Shiung', 'Лидия', 'Mary', '美雪', 'Rosalind']
const kTags = ['red', 'urgent', 'from the north gate', 'seen', 'α-particle', 'to be checked']

function recordAt(i: number): unknown {
  return {
    id: 2 ** 33 + i,
    name: `${kNames[i % kNames.length]} ${i}`,
    active: i % 3 === 0,
    parent: i % 5 === 0 ? null : i >> 1,
    position: { x: i * 0.25 + 0.1, y: -i * 1.5 - 0.3, unit: 'm' },
    scores: Array.from({ length: 1 + (i % 6) }, (_, k) => (i + 0.7) / (k + 2.3)),
    tags: kTags.slice(i % 3, 2 + (i % 4)),
    history: [
      { at: 1_700_000_000 + i, delta: 2 - i, note: i % 2 === 0 ? '' : 'corrected by hand' },
    ],
  }
}

/** As many records as fit, so that the value as JSON has about so many bytes. */
export function nestedValue(bytes: number): Nested {
  const records: unknown[] = []
  const value = { sequence: 0, source: 'bench', records }
  let length = JSON.stringify(value).length
  for (;;) {
    const record = recordAt(records.length)
    length += Buffer.byteLength(JSON.stringify(record)) + 1
    if (length > bytes) return value
    records.push(record)
  }
}

// Which contenders a case measures: by what they are, so that a new one takes part without being listed again.
import type { Kind } from '../contender.js'
import { contenders } from '../contenders/index.js'

interface Field {
  /** Ours differ from case to case, so they are named. */
  readonly ours?: readonly string[]
  readonly kinds: readonly Kind[]
  readonly floors?: readonly string[]
  /** Also those whose two processes are kept on one core, which hides the cost of waking the other; or on either. */
  readonly cores?: 'one' | 'any'
  /** Also those whose calls block: they belong beside blocking calls only. */
  readonly blocking?: true
}

const blocks = (name: string): boolean => name.endsWith('-sync')

/** Floors first, then ours, then the others in the order of their table. */
export function fieldOf({
  ours = ['isthmus'],
  kinds,
  floors = [],
  cores,
  blocking,
}: Field): string[] {
  const others = Object.entries(contenders)
    .filter(([name, { ownCase }]) => !ownCase && (blocking === true || !blocks(name)))
    .filter(([, { kind }]) => kind !== 'ours' && kind !== 'floor' && kinds.includes(kind))
    .filter(([, contender]) => !contender.cores || cores === 'any' || contender.cores === cores)
    .map(([name]) => name)
  return [...floors, ...ours, ...others]
}

/** Everyone who answers a call of Node. */
export const everyKind: readonly Kind[] = ['rival', 'embedding', 'threads']

/** Variants take part at these sizes only; everybody else at every size. */
export const variantsAt =
  (sizes: readonly number[]) =>
  (contender: string, bytes: number): boolean =>
    sizes.includes(bytes) || contenders[contender]?.cores === undefined

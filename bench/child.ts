// Measures one round of one cell in this fresh process. The last line on stdout is the result as JSON.
// Usage: child.js <case> <contender> <bytes> <seconds> [spin]

import type { Measured } from './cases/case.js'
import { cases } from './cases/index.js'
import {
  NotOfferedError,
  type Session,
  type Start,
  UnavailableError,
  WrongValueError,
} from './contender.js'
import { contenders } from './contenders/index.js'

type Failure = 'unavailable' | 'not offered' | 'failed' | 'wrong'

export type ChildAnswer =
  | { readonly kind: 'measured'; readonly measured: Measured }
  | { readonly kind: Failure; readonly reason: string }

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)

function kindOf(error: unknown, unavailable: boolean): Failure {
  if (error instanceof WrongValueError) return 'wrong'
  if (error instanceof NotOfferedError) return 'not offered'
  return unavailable || error instanceof UnavailableError ? 'unavailable' : 'failed'
}

async function answer(args: readonly string[]): Promise<ChildAnswer> {
  const [caseName = '', contenderName = '', bytes = '0', seconds = '1', spin] = args
  const chosen = cases[caseName]
  const contender = contenders[contenderName]
  if (!chosen || !contender)
    return { kind: 'failed', reason: `no such cell: ${caseName} × ${contenderName}` }

  let session: Session | undefined
  let unavailable = false
  const spinUs = spin === undefined ? undefined : Number(spin)
  const open = async (): Promise<Session> => {
    try {
      const start: Start = await contender.load()
      session = await start({ spin: spinUs })
      return session
    } catch (error) {
      unavailable = true
      throw error
    }
  }
  try {
    const context = {
      case: caseName,
      contender: contenderName,
      bytes: Number(bytes),
      seconds: Number(seconds),
      spin: spinUs,
      open,
    }
    return { kind: 'measured', measured: await chosen.run(context) }
  } catch (error) {
    return { kind: kindOf(error, unavailable), reason: reasonOf(error) }
  } finally {
    await session?.close()
  }
}

const result = await answer(process.argv.slice(2))
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0)) // a contender may have left handles

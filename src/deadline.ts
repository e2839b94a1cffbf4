import { AbortError, TimeoutError } from './errors.js'
import type { ResolvedCallOptions } from './options.js'

/**
 * Watches the timeout and the signal of a call.
 * @param name of the function, for the error
 * @returns what stops watching
 */
export function arm(
  name: string,
  { signal, timeout }: ResolvedCallOptions,
  abandon: (error: Error) => void,
): (() => void) | undefined {
  const limited = timeout !== undefined && timeout > 0
  if (!limited && signal === undefined) return undefined
  const abort = () => abandon(new AbortError(signal?.reason))
  const timer = limited
    ? setTimeout(() => abandon(new TimeoutError(timeout, name)), timeout)
    : undefined
  signal?.addEventListener('abort', abort, { once: true })
  return () => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}

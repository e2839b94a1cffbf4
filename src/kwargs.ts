/** Keyword arguments: made by `kwargs()`, and taken only as the last argument of a call. */
export class Kwargs {
  constructor(readonly values: Readonly<Record<string, unknown>>) {}
}

/** `await py.call('fit', x, kwargs({ tolerance: 1e-6 }))` calls `fit(x, tolerance=1e-6)`. */
export const kwargs = (values: Readonly<Record<string, unknown>>): Kwargs => new Kwargs(values)

/** Positional arguments, and the keywords that were the last of them. */
export function splitKwargs(
  args: readonly unknown[],
): [args: readonly unknown[], kwargs: Kwargs['values'] | undefined] {
  const last = args[args.length - 1]
  return last instanceof Kwargs ? [args.slice(0, -1), last.values] : [args, undefined]
}

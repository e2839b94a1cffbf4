/** Keyword arguments: made by `kwargs()`, and taken only as the last argument of a call. */
export class Kwargs {
  constructor(readonly values: Readonly<Record<string, unknown>>) {}
}

/** `await py.call('fit', x, kwargs({ tolerance: 1e-6 }))` calls `fit(x, tolerance=1e-6)`. */
export const kwargs = (values: Readonly<Record<string, unknown>>): Kwargs => new Kwargs(values)

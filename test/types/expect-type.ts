type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/**
 * Compiles only with exactly the type of the value, or with the type that is named in place of a value:
 * `expectType(py.call('f')).is<Promise<unknown>>()`, `expectType<Tensor['data']>().is<Uint8Array>()`.
 */
export const expectType = <Actual>(..._: [value: Actual] | []) => ({
  is: <Expected>(..._: Same<Actual, Expected> extends true ? [] : [notThis: Actual]) => {},
})

// What the profiles measure of which case.

export interface Choice {
  readonly contenders?: readonly string[]
  /** Instead of `contenders`, for one size. */
  readonly contendersOfSize?: Readonly<Record<number, readonly string[]>>
  readonly sizes?: readonly number[]
  /** Without those that are kept on one core, or on two. */
  readonly onCores?: false
}

const kKilobyte = 2 ** 10
const kMegabyte = 2 ** 20
const kLarge = 2 ** 28

const small: Choice = {
  contenders: [
    'floor-loop',
    'isthmus',
    'raw-socket',
    'msgpack-socket-two-cores',
    'msgpack-socket-one-core',
    'json-stdio',
    'http-fastapi',
  ],
}

const inFlight: Choice = { contenders: ['isthmus', 'raw-socket', 'msgpack-socket', 'json-stdio'] }

const nested: Choice = {
  sizes: [kKilobyte],
  contenders: ['isthmus', 'msgpack-socket', 'json-stdio'],
}

const echo: Choice = {
  sizes: [64, kMegabyte, kLarge],
  contenders: ['isthmus', 'isthmus-heap', 'raw-socket', 'msgpack-socket', 'json-stdio'],
  contendersOfSize: {
    64: ['isthmus', 'raw-socket'],
    [kLarge]: ['isthmus', 'isthmus-heap', 'raw-socket', 'msgpack-socket'],
  },
}

export const normalChoice: Readonly<Record<string, Choice>> = {
  small,
  'in-flight-64': inFlight,
  nested,
  memcpy: { sizes: [kLarge] },
  echo,
}

export const quickChoice: Readonly<Record<string, Choice>> = {
  ...normalChoice,
  echo: { ...echo, contendersOfSize: { ...echo.contendersOfSize, [kLarge]: ['isthmus'] } },
}

/**
 * Every case is measured. What is left out here would take an hour more and show what its neighbours show: where
 * processes are kept makes a difference to small calls, and arrays that go one way have one half of an echo's cost.
 */
export const fullChoice: Readonly<Record<string, Choice>> = {
  'in-flight-1': { onCores: false },
  'in-flight-8': { onCores: false },
  'in-flight-1024': { onCores: false },
  wake: { onCores: false },
  nested: { onCores: false },
  in: { sizes: [4096, kMegabyte, kLarge], onCores: false },
  out: { sizes: [4096, kMegabyte, kLarge], onCores: false },
  double: { sizes: [kLarge], onCores: false },
}

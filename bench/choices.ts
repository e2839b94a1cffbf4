// What the profiles measure of which case.

export interface Choice {
  readonly contenders?: readonly string[]
  /** Instead of `contenders`, for one size. */
  readonly contendersOfSize?: Readonly<Record<number, readonly string[]>>
  readonly sizes?: readonly number[]
  /** Of those that are kept on chosen cores, only those on one, or none. */
  readonly onCores?: 'one' | 'none'
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
  contenders: ['isthmus', 'isthmus-heap', 'raw-socket', 'msgpack-socket'],
  contendersOfSize: {
    64: ['isthmus', 'raw-socket'],
    [kLarge]: ['isthmus', 'isthmus-heap', 'shm-file', 'raw-socket', 'msgpack-socket'],
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
  'in-flight-1': { onCores: 'none' },
  'in-flight-8': { onCores: 'none' },
  'in-flight-1024': { onCores: 'none' },
  wake: { onCores: 'none' },
  nested: { onCores: 'none' },
  in: { sizes: [kMegabyte, kLarge], onCores: 'none' },
  out: { sizes: [kMegabyte, kLarge], onCores: 'none' },
  echo: {
    sizes: [64, 64 * kKilobyte, kMegabyte, 16 * kMegabyte, kLarge, 2 ** 30],
    onCores: 'one',
  },
  update: { sizes: [kMegabyte, kLarge], onCores: 'none' },
  'first-touch': { sizes: [kLarge], onCores: 'none' },
  memory: { onCores: 'none' },
  double: { sizes: [kLarge], onCores: 'none' },
}

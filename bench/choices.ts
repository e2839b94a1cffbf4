// What the two short profiles measure. `--full` measures everything.

export interface Choice {
  readonly contenders?: readonly string[]
  /** Instead of `contenders`, for one size. */
  readonly contendersOfSize?: Readonly<Record<number, readonly string[]>>
  readonly sizes?: readonly number[]
}

const kMegabyte = 2 ** 20
const kLarge = 2 ** 28

const small: Choice = {
  contenders: [
    'floor-loop',
    'isthmus',
    'msgpack-socket-two-cores',
    'msgpack-socket-one-core',
    'json-stdio',
    'http-fastapi',
  ],
}

const inFlight: Choice = { contenders: ['isthmus', 'msgpack-socket', 'json-stdio', 'http-fastapi'] }

const echo: Choice = {
  sizes: [64, kMegabyte, kLarge],
  contenders: ['isthmus', 'isthmus-heap', 'msgpack-socket', 'json-stdio', 'http-fastapi'],
  contendersOfSize: {
    64: ['isthmus', 'msgpack-socket'],
    [kLarge]: ['isthmus', 'isthmus-heap', 'msgpack-socket'],
  },
}

export const normalChoice: Readonly<Record<string, Choice>> = {
  small,
  'small-sync': { contenders: ['isthmus-sync'] },
  'in-flight-64': inFlight,
  memcpy: { sizes: [kLarge] },
  echo,
}

export const quickChoice: Readonly<Record<string, Choice>> = {
  ...normalChoice,
  echo: { ...echo, contendersOfSize: { ...echo.contendersOfSize, [kLarge]: ['isthmus'] } },
}

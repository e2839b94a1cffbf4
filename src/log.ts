/** A record of Python's `logging`. */
export interface LogRecord {
  /** As in Python: 10 debug, 20 info, 30 warning, 40 error, 50 critical. */
  readonly level: number
  /** `WARNING`. */
  readonly levelName: string
  /** Name of the logger: `root`, `model.load`. */
  readonly logger: string
  readonly message: string
  readonly time: Date
  /** Where it was made. */
  readonly path: string
  readonly line: number
  readonly function: string
  /** Name of the Python thread. */
  readonly thread: string
  /** The traceback, if the record has one. */
  readonly exception: string | undefined
}

/** Nothing in it is taken for granted: it comes from another process. */
export function readLog(payload: unknown): LogRecord {
  const map = (typeof payload === 'object' && payload !== null ? payload : {}) as Record<
    string,
    unknown
  >
  const text = (key: string) => (typeof map[key] === 'string' ? map[key] : '')
  const number = (key: string) => (typeof map[key] === 'number' ? map[key] : 0)
  return {
    level: number('level'),
    levelName: text('levelName'),
    logger: text('logger'),
    message: text('message'),
    time: new Date(number('time') * 1000),
    path: text('path'),
    line: number('line'),
    function: text('function'),
    thread: text('thread'),
    exception: text('exception') || undefined,
  }
}

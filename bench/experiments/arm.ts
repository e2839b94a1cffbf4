// An arm of an experiment: one way of doing the same work, as a process tree of its own.

export interface Arm {
  readonly name: string
  readonly title: string
  /** Below `bench/experiments`: a compiled `.js` file, run by Node, or a `.py` file. */
  readonly program: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Stands out in the chart. */
  readonly ours?: true
  /** Arms are compared within a part of the experiment; each part has a table of its own. */
  readonly part?: string
  /**
   * Its labels are its own, because its arithmetic is. What differs is its figure `difference`, and this is the most
   * that it may be.
   */
  readonly tolerance?: number
}

/** One run of an arm. Times are milliseconds since its first process was started. */
export interface ArmRun {
  /** Until its first process had ended. */
  readonly wall: number
  /** Until it could take its first input, had its first result, had its last one; if it has said so. */
  readonly ready?: number
  readonly first?: number
  readonly last?: number
  /** CPU time of all its processes together, s. */
  readonly cpu: number
  /** Of runs in which memory was watched. That takes CPU time, so times are those of other runs if there are any. */
  readonly memory?: Memory
  /** What only this experiment measures. */
  readonly figures: Readonly<Record<string, number>>
}

export interface Memory {
  /** The highest sum over its processes, MB: memory that n of them share counts 1/n in each. */
  readonly pss: number
  /** That sum's parts: the name of each process and its share, MB. */
  readonly parts: readonly (readonly [process: string, mb: number])[]
  /** Samples; the longest time between two, ms; CPU time spent on them, s. */
  readonly samples: number
  readonly longestGap: number
  readonly cpu: number
}

export interface ArmResult {
  readonly name: string
  readonly title: string
  readonly ours?: true
  readonly part?: string
  readonly tolerance?: number
  /** Medians over the runs; memory is that of the run that needed most. */
  readonly result?: ArmRun
  readonly runs: readonly ArmRun[]
  /** Labels that differ from those of the first arm of its part, the most in any run. */
  readonly different?: number
  readonly labels?: number
  /** Why there is no result. */
  readonly failed?: string
}

// Warming up, the same for every contender.
//
// A client's JavaScript runs in V8's interpreter at first. V8 compiles one function after another, and is done after some
// thousands of calls (`npm run bench -- --only first-calls`); its compiler's thread has to share the CPUs with two
// processes that poll. Until then Node needs longer between an answer and the next call than the other side polls, so that
// every call wakes a sleeping process, too.

const kCalls = 4000
/** Who makes fewer calls in this time is so slow that its JavaScript does not matter much. */
const kMs = 800

/** Calls one after another. */
export async function warmUp(call: (i: number) => Promise<unknown>): Promise<void> {
  const end = performance.now() + kMs
  for (let i = 0; i < kCalls; i++) {
    await call(i)
    if (performance.now() >= end) return
  }
}

/** The same calls by many callers at once. */
export async function warmUpLanes(
  width: number,
  call: (i: number) => Promise<unknown>,
): Promise<void> {
  const end = performance.now() + kMs
  let calls = 0
  const lane = async (): Promise<void> => {
    while (calls < kCalls && performance.now() < end) await call(calls++)
  }
  await Promise.all(Array.from({ length: width }, lane))
}

import { Clock, Duration, Effect } from "effect"

/**
 * A gate for a log that would be written too often: it lets so many through in each window, the first at once, and
 * annotates the next one that passes with how many were `suppressed` since.
 */
export const makeRateLimited = Effect.fnUntraced(function* (window: Duration.Input, most = 1) {
  const clock = yield* Clock.Clock
  const width = Duration.toMillis(window)
  let ends = Number.NEGATIVE_INFINITY
  let passed = 0
  let suppressed = 0
  return <E, R>(log: Effect.Effect<void, E, R>): Effect.Effect<void, E, R> =>
    Effect.suspend(() => {
      const now = clock.currentTimeMillisUnsafe()
      // a wall clock that was set back must not close the gate for long
      if (now >= ends || ends - now > width) {
        ends = now + width
        passed = 0
      }
      if (passed >= most) {
        suppressed += 1
        return Effect.void
      }
      passed += 1
      if (suppressed === 0) return log
      const annotated = Effect.annotateLogs(log, { suppressed })
      suppressed = 0
      return annotated
    })
})

import { Clock, Duration, Effect, Metric } from "effect"

/** Gives the effect that tells whether a counter went up within the window, as far as it was asked meanwhile: every second, that is. */
export const recently = Effect.fnUntraced(function* (counter: Metric.Counter<number>, window: Duration.Input) {
  const width = Duration.toMillis(window)
  let seen = (yield* Metric.value(counter)).count
  let roseAt = Number.NEGATIVE_INFINITY
  return Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const { count } = yield* Metric.value(counter)
    if (count > seen) roseAt = now
    seen = count
    return now - roseAt < width
  })
})

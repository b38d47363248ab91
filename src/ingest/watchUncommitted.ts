import { Effect, Metric, Schedule } from "effect"
import * as Metrics from "../telemetry/Metrics.ts"
import { Spill } from "./Spill.ts"
import type { Uncommitted } from "./Uncommitted.ts"

/** Keeps the gauge of the age of what was received and is not committed yet, in memory or on disk. Never ends. */
export const watchUncommitted = Effect.fnUntraced(function* (uncommitted: Uncommitted) {
  const spill = yield* Spill
  const look = Effect.gen(function* () {
    // What is on disk came before all that is in memory.
    const oldest = (yield* spill.state).oldestReceivedAt ?? uncommitted.oldest
    yield* Metric.update(
      Metrics.oldestUncommittedSeconds,
      oldest === undefined ? 0 : Math.max(0, performance.now() - oldest) / 1000,
    )
  })
  return yield* Effect.repeat(look, Schedule.spaced("1 second"))
})

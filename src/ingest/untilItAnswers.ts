import { Duration, Effect, Schedule } from "effect"
import type { DatabaseUnusable } from "../store/DatabaseUnusable.ts"
import type { StoreError } from "../store/StoreError.ts"

/** A database that is away is asked again at 100 ms, 200 ms … and then every 5 s, for as long as it takes. */
const patiently = Schedule.exponential("100 millis").pipe(
  Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, Duration.seconds(5)))),
)

/** Does it again until the database answers. */
export const untilItAnswers = <A, R>(
  effect: Effect.Effect<A, StoreError | DatabaseUnusable, R>,
): Effect.Effect<A, DatabaseUnusable, R> =>
  effect.pipe(
    Effect.retry({ schedule: patiently, while: ({ _tag }) => _tag === "StoreError" }),
    // The schedule never ends.
    Effect.catchTag("StoreError", Effect.die),
  )

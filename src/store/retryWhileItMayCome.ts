import { Duration, Effect, Schedule } from "effect"
import { SqlError } from "effect/sql"
import { isTransient } from "./sqlFailure.ts"

/** A database that is starting, in a container beside us say, or that goes away meanwhile, gets this long. */
const PATIENCE = Duration.seconds(30)

/** It is asked again after 250 ms, 500 ms … and then every 3 s. */
const schedule = Schedule.exponential("250 millis").pipe(
  Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, Duration.seconds(3)))),
  Schedule.upTo({ duration: PATIENCE }),
)

/** Does it again, for a while, when the database is out of reach, starting, stopping or full. */
export const retryWhileItMayCome = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.retry(effect, { schedule, while: (error) => SqlError.isSqlError(error) && isTransient(error) })

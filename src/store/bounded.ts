import { type Duration, Effect } from "effect"
import type { SqlError } from "effect/sql"
import { sqlFailure } from "./sqlFailure.ts"
import { StoreError } from "./StoreError.ts"

/** An effect on the database that gives up after the timeout, and fails as the store does. */
export const bounded =
  (timeout: Duration.Duration) =>
  <A, R>(effect: Effect.Effect<A, SqlError.SqlError, R>): Effect.Effect<A, StoreError, R> =>
    effect.pipe(
      Effect.mapError((error) => new StoreError(sqlFailure(error))),
      Effect.timeoutOrElse({
        duration: timeout,
        orElse: () => Effect.fail(new StoreError({ code: undefined, detail: "no answer in time (DB_TIMEOUT)" })),
      }),
    )

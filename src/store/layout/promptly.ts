import { Duration, Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Commits wait behind whoever waits for a long query or a vacuum to end, so nobody waits for one longer than this. */
const WAIT = Duration.millis(500)

/** And no statement that they wait for takes longer than this. */
const WORK = Duration.seconds(10)

const bounded = Effect.fnUntraced(function* (name: "lock_timeout" | "statement_timeout", limit: Duration.Duration) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`SELECT set_config(${name}, ${String(Duration.toMillis(limit))}, TRUE)`
})

/** Ends the transaction rather than wait for others longer than `WAIT`; to be tried again later. Its own work takes what it takes. */
export const patiently = bounded("lock_timeout", WAIT)

/** The same, and no statement of it takes longer than `WORK`. */
export const promptly = Effect.andThen(patiently, bounded("statement_timeout", WORK))

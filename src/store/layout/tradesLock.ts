import { Duration, Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Lets one process at a time change how trades are laid out, until the transaction ends. It keeps nobody from trades. */
export const tradesLock = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`SELECT pg_advisory_xact_lock(hashtext('fulltape raw_trades'))`
})

/** Commits wait behind whoever waits for a long query to end, so nobody waits for one longer than this. */
const WAIT = Duration.millis(500)

/** And nothing that they wait for takes longer than this. */
const WORK = Duration.seconds(10)

/** Ends the transaction rather than that commits wait for it, as `WAIT` and `WORK` say. To be tried again later. */
export const promptly = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`SELECT set_config('lock_timeout', ${String(Duration.toMillis(WAIT))}, TRUE),
    set_config('statement_timeout', ${String(Duration.toMillis(WORK))}, TRUE)`
})

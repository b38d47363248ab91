import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Lets one process at a time change how trades are laid out, until the transaction ends. It keeps nobody from trades. */
export const tradesLock = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`SELECT pg_advisory_xact_lock(hashtext('fulltape raw_trades'))`
})

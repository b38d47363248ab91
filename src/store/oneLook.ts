import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * Makes the transaction see ledger and rows as of one moment. The lock comes before anything is read, because days that retention drops
 * later are gone for those too who have read the ledger already.
 */
export const oneLook = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY`
  yield* sql`LOCK TABLE ONLY raw_trades IN ACCESS SHARE MODE`
})

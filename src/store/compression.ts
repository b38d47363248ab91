import { type Duration, Effect } from "effect"
import { SqlClient } from "effect/sql"
import { interval } from "./interval.ts"
import { tradesLock } from "./tradesLock.ts"

/** Says how chunks are compressed: a symbol's rows together, in the order of time. For TimescaleDB's community edition. */
export const enableCompression = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [enabled] = yield* sql`
    SELECT FROM timescaledb_information.hypertables
    WHERE format('%I.%I', hypertable_schema, hypertable_name)::regclass = 'raw_trades'::regclass AND compression_enabled`
  if (enabled !== undefined) return
  yield* sql`
    ALTER TABLE raw_trades SET (timescaledb.compress, timescaledb.compress_segmentby = 'symbol',
      timescaledb.compress_orderby = 'timestamp DESC, trade_id DESC')`
})

/** Has the database compress chunks of this age, from now on. A policy that is there keeps its age when it is added again. */
export const compressAfter = Effect.fnUntraced(function* (age: Duration.Duration) {
  const sql = yield* SqlClient.SqlClient
  yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* tradesLock
      const [followed] = yield* sql`
        SELECT FROM timescaledb_information.jobs
        WHERE proc_name = 'policy_compression' AND format('%I.%I', hypertable_schema, hypertable_name)::regclass = 'raw_trades'::regclass
          AND (config ->> 'compress_after')::interval = ${interval(age)}::interval`
      if (followed !== undefined) return
      yield* sql`SELECT remove_compression_policy('raw_trades', if_exists => TRUE)`
      yield* sql`SELECT add_compression_policy('raw_trades', compress_after => ${interval(age)}::interval)`
    }),
  )
})

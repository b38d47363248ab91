import { type Duration, Effect } from "effect"
import { SqlClient } from "effect/sql"
import type { Flavour } from "../Flavour.ts"
import { interval } from "../interval.ts"
import { tradesLock } from "./tradesLock.ts"

/**
 * How much time a chunk holds. A day of six busy pairs is 10 to 20 million rows, 2 to 5 GB with its indexes, which the memory of a small
 * server still holds while they are written; then it is compressed. Where nothing is, fewer chunks are better: a query that does not say
 * the time locks all of them.
 */
const CHUNK = { "timescaledb-community": "1 day", "timescaledb-apache": "7 days" }

/** What a database with TimescaleDB is. */
type Timescale = Exclude<Flavour["Service"]["name"], "postgresql">

/** Makes `raw_trades`, which is an empty table, a hypertable. */
export const makeHypertable = Effect.fnUntraced(function* (flavour: Timescale) {
  const sql = yield* SqlClient.SqlClient
  const timescale = yield* schemaOfTimescale
  yield* sql`
    SELECT ${timescale}.create_hypertable('raw_trades', ${timescale}.by_range('timestamp', ${CHUNK[flavour]}::interval),
      create_default_indexes => FALSE)`
})

export const isHypertable = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [found] = yield* sql`SELECT FROM timescaledb_information.hypertables WHERE ${ofTrades(sql)}`
  return found !== undefined
})

/** Brings chunks that will be made, and their compression, to what the edition can do. */
export const adjustHypertable = Effect.fnUntraced(function* (flavour: Timescale) {
  const sql = yield* SqlClient.SqlClient
  const [other] = yield* sql`
    SELECT FROM timescaledb_information.dimensions WHERE ${ofTrades(sql)} AND time_interval <> ${CHUNK[flavour]}::interval`
  if (other !== undefined)
    yield* sql`SELECT ${yield* schemaOfTimescale}.set_chunk_time_interval('raw_trades', ${CHUNK[flavour]}::interval)`
  if (flavour === "timescaledb-apache") return
  const [enabled] = yield* sql`
    SELECT FROM timescaledb_information.hypertables WHERE ${ofTrades(sql)} AND compression_enabled`
  if (enabled !== undefined) return
  // A symbol's rows together, and the newest first, as they are asked for.
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
        WHERE proc_name = 'policy_compression' AND ${ofTrades(sql)}
          AND (config ->> 'compress_after')::interval = ${interval(age)}::interval`
      if (followed !== undefined) return
      const timescale = yield* schemaOfTimescale
      yield* sql`SELECT ${timescale}.remove_compression_policy('raw_trades', if_exists => TRUE)`
      yield* sql`SELECT ${timescale}.add_compression_policy('raw_trades', compress_after => ${interval(age)}::interval)`
    }),
  )
})

/** The instants, oldest first, at which chunks end that are over when the day begins. */
export const endsOfChunks = Effect.fnUntraced(function* (day: string) {
  const sql = yield* SqlClient.SqlClient
  const edges = yield* sql<{ readonly edge: string }>`
    SELECT DISTINCT range_end::text AS edge, range_end FROM timescaledb_information.chunks
    WHERE ${ofTrades(sql)} AND range_end <= ${`${day} 00:00:00+00`}::timestamptz ORDER BY range_end`
  return edges.map(({ edge }) => edge)
})

/** Drops the chunks that end at the instant or before. */
export const dropChunks = Effect.fnUntraced(function* (edge: string) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`SELECT ${yield* schemaOfTimescale}.drop_chunks('raw_trades', older_than => ${edge}::timestamptz)`
})

/** Where the extension has its functions: a connection's own schema may be another. */
const schemaOfTimescale = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [found] = yield* sql<{ readonly name: string }>`
    SELECT nspname AS name FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'timescaledb'`
  return sql(found?.name ?? "public")
})

/** That a row of TimescaleDB's views is about our table. By name: a cast to regclass fails for tables that we may not see. */
const ofTrades = (sql: SqlClient.SqlClient) =>
  sql.literal(`(hypertable_schema, hypertable_name) = (
    SELECT nspname, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE pg_class.oid = to_regclass('raw_trades'))`)

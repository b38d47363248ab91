import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { patiently } from "./promptly.ts"
import { tradesLock } from "./tradesLock.ts"

/**
 * Weeks, from Monday, UTC, that are there before the clock needs them: as long the upkeep may fail. What comes without a partition of its
 * week is kept in the default one, and moved later. They are weeks and not days, because a query that does not say the time locks all
 * of them, and a server as it comes has room for some thousand locks.
 */
const AHEAD = 2

/** So many weeks before the clock have one each as well, from the oldest on that has one: repair brings what was missed between. */
const BEHIND = 104

/** In one go at most: a flood of wrong times must not make a flood of tables. */
const MOST = 50

/** Makes `raw_trades`, which is partitioned, take every row, whatever its time; within the transaction of the caller. */
export const makeDefaultPartition = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE raw_trades_default PARTITION OF raw_trades DEFAULT`
})

/**
 * Makes the partitions that the clock will need, those between that and the oldest, those where the newest trades are, and those of the
 * rows in the default partition, which move there. A week that ends before the day `keptFrom` gets none.
 */
export const makePartitionsAhead = Effect.fnUntraced(function* (keptFrom: string) {
  const sql = yield* SqlClient.SqlClient
  const weeks = yield* sql<{ readonly week: string }>`
    WITH behind AS (
      SELECT min(to_date(right(name, 8), 'YYYYMMDD')) AS week FROM (${partitions(sql)}) AS partition
      WHERE to_date(right(name, 8), 'YYYYMMDD') > timezone('UTC', now())::date - 7 * ${BEHIND}::int
    ), wanted AS (
      SELECT time FROM behind, generate_series(timezone('UTC', week::timestamp), now(), interval '7 days') AS time
      UNION ALL
      SELECT now() + ahead * interval '7 days' FROM generate_series(0, ${AHEAD}::int) AS ahead
      UNION ALL
      SELECT high_time + ahead * interval '7 days' FROM symbols, generate_series(0, 1) AS ahead
      UNION ALL
      SELECT timestamp FROM raw_trades_default
    ), named AS (
      SELECT DISTINCT to_char(${weekOf(sql)}, 'YYYY-MM-DD') AS week FROM wanted
    )
    SELECT week FROM named
    WHERE week::date > ${keptFrom}::date - 7 AND to_regclass('raw_trades_' || replace(week, '-', '')) IS NULL
    ORDER BY week LIMIT ${MOST}::int`
  yield* Effect.forEach(weeks, ({ week }) => sql.withTransaction(Effect.andThen(patiently, makePartition(week))), {
    discard: true,
  })
})

/** The Monday, at midnight UTC but without a zone, of the column `time`. */
export const weekOf = (sql: SqlClient.SqlClient) => sql.literal("date_trunc('week', timezone('UTC', time))")

/** Makes the partition of the week of a Monday, written 2026-11-23, with the rows of it that the default partition has. */
export const makePartition = Effect.fnUntraced(function* (monday: string) {
  const sql = yield* SqlClient.SqlClient
  const name = `raw_trades_${monday.replaceAll("-", "")}`
  const from = sql.literal(`timestamptz '${monday} 00:00:00+00'`)
  const to = sql.literal(`timestamptz '${monday} 00:00:00+00' + interval '168 hours'`)
  yield* tradesLock
  const [there] = yield* sql`SELECT WHERE to_regclass(${name}) IS NOT NULL`
  if (there !== undefined) return
  // Attached and not made in place, which would wait for everyone who reads or writes trades. No row may come meanwhile.
  yield* sql`CREATE TABLE ${sql(name)} (LIKE raw_trades INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)`
  yield* sql`LOCK TABLE raw_trades_default IN SHARE ROW EXCLUSIVE MODE`
  yield* sql`
    WITH moved AS (DELETE FROM raw_trades_default WHERE timestamp >= ${from} AND timestamp < ${to} RETURNING *)
    INSERT INTO ${sql(name)} SELECT * FROM moved`
  yield* sql`ALTER TABLE raw_trades ATTACH PARTITION ${sql(name)} FOR VALUES FROM (${from}) TO (${to})`
})

/**
 * The instants, oldest first, at which partitions end that are over when the day begins; the last of them counts for rows of the default
 * partition too.
 */
export const endsOfPartitions = Effect.fnUntraced(function* (day: string) {
  const sql = yield* SqlClient.SqlClient
  const edges = yield* sql<{ readonly edge: string }>`
    WITH kept AS (SELECT timezone('UTC', date_trunc('week', ${day}::timestamp)) AS edge)
    SELECT edge::text AS edge FROM (
      SELECT timezone('UTC', to_date(right(name, 8), 'YYYYMMDD') + interval '7 days') AS edge FROM (${partitions(sql)}) AS partition
      UNION
      SELECT kept.edge FROM kept WHERE EXISTS (SELECT FROM raw_trades_default WHERE timestamp < kept.edge)
    ) AS edges WHERE edge <= (SELECT edge FROM kept) ORDER BY edges.edge`
  return edges.map(({ edge }) => edge)
})

/** Drops the partitions that end at the instant or before, and rows of the default one from before it. */
export const dropPartitions = Effect.fnUntraced(function* (edge: string) {
  const sql = yield* SqlClient.SqlClient
  const over = yield* sql<{ readonly name: string }>`
    SELECT name FROM (${partitions(sql)}) AS partition
    WHERE timezone('UTC', to_date(right(name, 8), 'YYYYMMDD') + interval '7 days') <= ${edge}::timestamptz`
  yield* Effect.forEach(over, ({ name }) => sql`DROP TABLE ${sql(name)}`, { discard: true })
  yield* sql`DELETE FROM raw_trades_default WHERE timestamp < ${edge}::timestamptz`
})

/** Those of a week: all but the default one, and what somebody else attached. */
const partitions = (sql: SqlClient.SqlClient) =>
  sql.literal(`
    SELECT relname::text AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'raw_trades'::regclass AND relname ~ '^raw_trades_[0-9]{8}$'`)

import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { promptly, tradesLock } from "./tradesLock.ts"

/**
 * Days that are there before the clock needs them: as long the upkeep may fail. What comes without a partition of its day is kept in the
 * default one, and moved later.
 */
const AHEAD = 7

/** In one go at most: a flood of wrong times must not make a flood of tables. */
const MOST = 50

/** Makes `raw_trades` a table with one partition, the default one; within the transaction of the caller. */
export const makeDefaultPartition = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE raw_trades_default PARTITION OF raw_trades DEFAULT`
})

/**
 * Makes the partitions that the clock will need, those where the newest trades are, and those of the rows in the default partition, which
 * move there. A day before `keptFrom` gets none.
 */
export const makePartitionsAhead = Effect.fnUntraced(function* (keptFrom: string) {
  const sql = yield* SqlClient.SqlClient
  const days = yield* sql<{ readonly day: string }>`
    WITH wanted AS (
      SELECT day FROM generate_series(timezone('UTC', now())::date, timezone('UTC', now())::date + ${AHEAD}::int, interval '1 day') AS day
      UNION
      SELECT timezone('UTC', high_time)::date + ahead FROM symbols, generate_series(0, 1) AS ahead
      UNION
      SELECT DISTINCT timezone('UTC', timestamp)::date FROM raw_trades_default
    )
    SELECT to_char(day, 'YYYY-MM-DD') AS day FROM wanted
    WHERE day >= ${keptFrom}::date AND to_regclass('raw_trades_' || to_char(day, 'YYYYMMDD')) IS NULL
    ORDER BY day LIMIT ${MOST}::int`
  yield* Effect.forEach(days, ({ day }) => sql.withTransaction(Effect.andThen(promptly, makePartition(day))), {
    discard: true,
  })
})

/** Makes the partition of a day, written 2026-11-25, with the rows of it that the default partition has. */
export const makePartition = Effect.fnUntraced(function* (day: string) {
  const sql = yield* SqlClient.SqlClient
  const partition = sql(nameOf(day))
  const from = sql.literal(`timestamptz '${day} 00:00:00+00'`)
  yield* tradesLock
  const [there] = yield* sql`SELECT WHERE to_regclass(${nameOf(day)}) IS NOT NULL`
  if (there !== undefined) return
  // Attached and not made in place, which would wait for everyone who reads or writes trades. No row may come meanwhile.
  yield* sql`LOCK TABLE raw_trades_default IN SHARE ROW EXCLUSIVE MODE`
  yield* sql`CREATE TABLE ${partition} (LIKE raw_trades INCLUDING DEFAULTS INCLUDING CONSTRAINTS)`
  yield* sql`
    WITH moved AS (
      DELETE FROM raw_trades_default WHERE timestamp >= ${from} AND timestamp < ${from} + interval '24 hours' RETURNING *
    )
    INSERT INTO ${partition} SELECT * FROM moved`
  yield* sql`ALTER TABLE raw_trades ATTACH PARTITION ${partition} FOR VALUES FROM (${from}) TO (${from} + interval '24 hours')`
})

/** Whether there are trades of days before the day: then the instant at which it begins. */
export const hasTradesBefore = Effect.fnUntraced(function* (day: string) {
  const sql = yield* SqlClient.SqlClient
  const edge = `${day} 00:00:00+00`
  if ((yield* partitionsBefore(day)).length > 0) return edge
  const [late] = yield* sql`SELECT FROM raw_trades_default WHERE timestamp < ${edge}::timestamptz LIMIT 1`
  return late === undefined ? undefined : edge
})

/** Drops the trades of the days before the day. */
export const dropPartitions = Effect.fnUntraced(function* (day: string) {
  const sql = yield* SqlClient.SqlClient
  const partitions = yield* partitionsBefore(day)
  yield* Effect.forEach(partitions, (name) => sql`DROP TABLE ${sql(name)}`, { discard: true })
  yield* sql`DELETE FROM raw_trades_default WHERE timestamp < ${`${day} 00:00:00+00`}::timestamptz`
})

const partitionsBefore = Effect.fnUntraced(function* (day: string) {
  const sql = yield* SqlClient.SqlClient
  const partitions = yield* sql<{ readonly name: string }>`
    SELECT relname AS name FROM pg_partition_tree('raw_trades') AS tree JOIN pg_class ON pg_class.oid = tree.relid
    WHERE isleaf AND relname ~ '^raw_trades_[0-9]{8}$' AND relname < ${nameOf(day)} COLLATE "C" ORDER BY 1`
  return partitions.map(({ name }) => name)
})

/** The name of the partition of a day, written 2026-11-25. */
const nameOf = (day: string): string => `raw_trades_${day.replaceAll("-", "")}`

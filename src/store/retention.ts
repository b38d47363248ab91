import { type Duration, Effect } from "effect"
import { SqlClient } from "effect/sql"
import type { Flavour } from "./Flavour.ts"
import { interval } from "./interval.ts"
import { dropPartitions, hasTradesBefore } from "./partitions.ts"
import { promptly, tradesLock } from "./tradesLock.ts"

/** Why trades that were dropped, or were still missing when those around them were, are not to be had. */
export const BEYOND = "beyond RETENTION"

/**
 * Drops the days that lie wholly before the retention, and tells the first day that is kept, written 2026-11-25. All flavours go this way,
 * and none by a policy of TimescaleDB, because the rows and `kept_from_id` have to change in one transaction: whoever compares them, at
 * any moment, finds nothing missing. A trade that is older and comes later is stored, and dropped here the next time.
 */
export const dropBefore = Effect.fnUntraced(function* (
  flavour: Flavour["Service"]["name"],
  retention: Duration.Duration,
) {
  const sql = yield* SqlClient.SqlClient
  const [{ day } = { day: "-infinity" }] = yield* sql<{ readonly day: string }>`
    SELECT to_char(timezone('UTC', now() - ${interval(retention)}::interval), 'YYYY-MM-DD') AS day`
  const plain = flavour === "postgresql"
  if ((yield* plain ? hasTradesBefore(day) : endOfExpired(day)) === undefined) return day
  const dropped = yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* tradesLock
      yield* promptly
      yield* sql`SELECT FROM symbols ORDER BY symbol FOR UPDATE`
      // Another process may have been quicker.
      const edge = yield* plain ? hasTradesBefore(day) : endOfExpired(day)
      if (edge === undefined) return false
      const symbols = yield* sql<{ readonly symbol: string }>`SELECT symbol FROM symbols ORDER BY symbol`
      yield* Effect.forEach(symbols, ({ symbol }) => forget(symbol, edge), { discard: true })
      yield* plain ? dropPartitions(day) : sql`SELECT drop_chunks('raw_trades', older_than => ${edge}::timestamptz)`
      return true
    }),
  )
  if (dropped) yield* Effect.logInfo(`Trades before ${day} are dropped: they are ${BEYOND}`)
  return day
})

/** Where the last chunk that ends before the day ends; undefined when there is none. */
const endOfExpired = Effect.fnUntraced(function* (day: string) {
  const sql = yield* SqlClient.SqlClient
  const [chunk] = yield* sql<{ readonly edge: string | null }>`
    SELECT max(range_end)::text AS edge FROM timescaledb_information.chunks
    WHERE format('%I.%I', hypertable_schema, hypertable_name)::regclass = 'raw_trades'::regclass
      AND range_end <= ${`${day} 00:00:00+00`}::timestamptz`
  return chunk?.edge ?? undefined
})

/**
 * Makes the ledger true for the rows before the edge being gone: ids up to the last of them are promised no more. What came out of order
 * and is gone although older ids stay is recorded as unfillable.
 */
const forget = Effect.fnUntraced(function* (symbol: string, edge: string) {
  const sql = yield* SqlClient.SqlClient
  // In two steps, of which each reads few chunks: some id of the oldest hour that is kept, and those below it.
  const [kept] = yield* sql<{ readonly id: bigint | null }>`
    SELECT min(trade_id) AS id FROM raw_trades
    WHERE symbol = ${symbol} AND timestamp >= ${edge}::timestamptz AND timestamp < interval '1 hour' + (
      SELECT timestamp FROM raw_trades WHERE symbol = ${symbol} AND timestamp >= ${edge}::timestamptz ORDER BY timestamp LIMIT 1)`
  const [lowest] = yield* sql<{ readonly id: bigint | null }>`
    SELECT min(trade_id) AS id FROM raw_trades
    WHERE symbol = ${symbol} AND timestamp >= ${edge}::timestamptz AND trade_id < ${kept?.id ?? null}::bigint`
  const first = lowest?.id ?? kept?.id ?? null
  const [moved] = yield* sql<{ readonly keptFrom: bigint }>`
    UPDATE symbols SET kept_from_id = greatest(kept_from_id, 1 + (
      SELECT max(trade_id) FROM raw_trades
      WHERE symbol = ${symbol} AND timestamp < ${edge}::timestamptz AND (trade_id < ${first}::bigint OR ${first}::bigint IS NULL)))
    WHERE symbol = ${symbol} RETURNING kept_from_id AS "keptFrom"`
  const keptFrom = moved?.keptFrom ?? 0n
  yield* sql`
    INSERT INTO trade_gaps (symbol, first_id, last_id, cause, state, last_error, closed_at)
    SELECT ${symbol}, min(id), max(id), 'dropped', 'unfillable', ${BEYOND}, now()
    FROM (
      SELECT DISTINCT trade_id AS id, trade_id - dense_rank() OVER (ORDER BY trade_id) AS run FROM raw_trades
      WHERE symbol = ${symbol} AND timestamp < ${edge}::timestamptz AND trade_id >= ${keptFrom}
    ) AS ids GROUP BY run`
  yield* sql`
    UPDATE trade_gaps SET state = 'unfillable', last_error = ${BEYOND}, leased_until = NULL, closed_at = now()
    WHERE symbol = ${symbol} AND last_id < ${keptFrom} AND state IN ('open', 'filling')`
})

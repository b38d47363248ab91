import { type Duration, Effect } from "effect"
import { SqlClient } from "effect/sql"
import type { Flavour } from "../Flavour.ts"
import { interval } from "../interval.ts"
import { dropChunks, endsOfChunks } from "./hypertable.ts"
import { dropPartitions, endsOfPartitions } from "./partitions.ts"
import { promptly } from "./promptly.ts"
import { tradesLock } from "./tradesLock.ts"

/** Why ids are not to be had that lie among those that retention dropped. */
export const BEYOND = "beyond RETENTION"

/** The first day, written 2026-11-25, of which trades are kept. */
export const firstKeptDay = Effect.fnUntraced(function* (retention: Duration.Duration) {
  const sql = yield* SqlClient.SqlClient
  const [first] = yield* sql<{ readonly day: string }>`
    SELECT to_char(timezone('UTC', now() - ${interval(retention)}::interval), 'YYYY-MM-DD') AS day`
  return first?.day ?? "-infinity"
})

/**
 * Drops the chunks that end before the day. All flavours go this way, and none by a policy of TimescaleDB, because nothing may be dropped
 * that is still promised: first each symbol's `kept_from_id` moves behind the rows, then they go, if no other has come meanwhile. So
 * whoever compares ledger and rows, at any moment, finds nothing missing. Nor may it whose candle is still to be computed. A trade that is older and comes later is stored, and dropped
 * here the next time.
 */
export const dropBefore = Effect.fnUntraced(function* (flavour: Flavour["Service"]["name"], day: string) {
  const sql = yield* SqlClient.SqlClient
  const plain = flavour === "postgresql"
  // Whatever is read or written of the trades: somebody else may be waiting to compress or to vacuum what a long query reads.
  const inTime = <A, E, R>(work: Effect.Effect<A, E, R>) => sql.withTransaction(Effect.andThen(promptly, work))
  const edges = yield* inTime(plain ? endsOfPartitions(day) : endsOfChunks(day))
  yield* Effect.forEach(
    edges,
    Effect.fnUntraced(function* (edge) {
      if (yield* hasNotes(edge)) return
      yield* Effect.forEach(yield* inTime(promised(edge)), (symbol) => inTime(forget(symbol, edge)), { discard: true })
      const dropped = yield* inTime(
        Effect.gen(function* () {
          yield* tradesLock
          yield* sql`LOCK TABLE ONLY raw_trades IN ACCESS EXCLUSIVE MODE`
          if ((yield* promised(edge)).length > 0 || (yield* hasNotes(edge))) return false
          yield* plain ? dropPartitions(edge) : dropChunks(edge)
          return true
        }),
      )
      if (dropped) yield* Effect.logInfo(`Trades before ${edge} are dropped: they are ${BEYOND}`)
    }),
    { discard: true },
  )
})

/** Whether candles of before the edge are still to be computed, of rows that would be gone then. */
const hasNotes = Effect.fnUntraced(function* (edge: string) {
  const sql = yield* SqlClient.SqlClient
  const [note] = yield* sql`SELECT FROM candle_changes WHERE minute < ${edge}::timestamptz LIMIT 1`
  return note !== undefined
})

/** The symbols that have rows before the edge that are still promised. */
const promised = Effect.fnUntraced(function* (edge: string) {
  const sql = yield* SqlClient.SqlClient
  // In the order of the key, because there is hardly ever one, and a scan would read everything to find none.
  const rows = yield* sql<{ readonly symbol: string }>`
    SELECT symbols.symbol FROM symbols CROSS JOIN LATERAL (
      SELECT FROM raw_trades
      WHERE raw_trades.symbol = symbols.symbol AND trade_id >= kept_from_id AND timestamp < ${edge}::timestamptz
      ORDER BY trade_id LIMIT 1
    ) AS row ORDER BY 1`
  return rows.map(({ symbol }) => symbol)
})

/** Of so many rows behind the edge the lowest id is the first that stays: a few may have come out of order. */
const LOOKED_AT = 1000

/** But for those that lie so far below the middle one: they have a wrong time. */
const NEAR = 100_000

/**
 * Makes the ledger true for the rows before the edge being gone: ids up to the last of them are promised no more, and those among them that
 * were still to be had are not to be had. What has a higher id than the first that stays has a wrong time: it goes now, and is
 * recorded as not to be had.
 */
const forget = Effect.fnUntraced(function* (symbol: string, edge: string) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`SELECT FROM symbols WHERE symbol = ${symbol} FOR UPDATE`
  const [moved] = yield* sql<{ readonly keptFrom: bigint }>`
    WITH looked_at AS MATERIALIZED (
      SELECT trade_id FROM raw_trades WHERE symbol = ${symbol} AND timestamp >= ${edge}::timestamptz
      ORDER BY timestamp LIMIT ${LOOKED_AT}::int
    ), staying AS (
      SELECT min(trade_id) AS first_id FROM looked_at
      WHERE trade_id > (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY trade_id) - ${NEAR}::bigint FROM looked_at)
    )
    UPDATE symbols SET kept_from_id = greatest(kept_from_id, 1 + (
      SELECT trade_id FROM raw_trades
      WHERE symbol = ${symbol} AND timestamp < ${edge}::timestamptz AND trade_id < (SELECT coalesce(first_id, high_id + 1) FROM staying)
      ORDER BY trade_id DESC LIMIT 1))
    WHERE symbol = ${symbol} RETURNING kept_from_id AS "keptFrom"`
  const keptFrom = moved?.keptFrom ?? 0n
  yield* sql`
    WITH gone AS (
      DELETE FROM raw_trades WHERE symbol = ${symbol} AND timestamp < ${edge}::timestamptz AND trade_id >= ${keptFrom}
      RETURNING trade_id AS id
    )
    INSERT INTO trade_gaps (symbol, first_id, last_id, cause, state, last_error, closed_at)
    SELECT ${symbol}, min(id), max(id), 'dropped', 'unfillable', ${BEYOND}, now()
    FROM (SELECT DISTINCT id, id - dense_rank() OVER (ORDER BY id) AS run FROM gone) AS ids GROUP BY run`
  yield* sql`
    UPDATE trade_gaps SET state = 'unfillable', last_error = ${BEYOND}, leased_until = NULL, closed_at = now()
    WHERE symbol = ${symbol} AND last_id < ${keptFrom} AND state IN ('open', 'filling')`
})

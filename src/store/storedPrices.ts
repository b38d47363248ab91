import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import type { LatestPrice } from "./LatestPrices.ts"

/**
 * The newest stored trade of every symbol. The ledger tells its id, and nearly always its time too, so that one row of one
 * chunk is read: to look for the newest row would mean to read compressed days whole.
 */
export const storedPrices = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{
    readonly symbol: string
    readonly price: string
    readonly id: bigint
    readonly time: bigint
  }>`
    SELECT symbols.symbol, trade.price::text AS price, newest.id, (extract(epoch FROM trade.timestamp) * 1000000)::bigint AS time
    FROM symbols
    CROSS JOIN LATERAL (
      SELECT max(before.id) AS id FROM (
        SELECT high_id AS id
        UNION ALL
        SELECT first_id - 1 FROM trade_gaps WHERE trade_gaps.symbol = symbols.symbol AND state <> 'filled'
      ) AS before
      WHERE NOT EXISTS (
        SELECT FROM trade_gaps AS gap
        WHERE gap.symbol = symbols.symbol AND gap.state <> 'filled' AND before.id BETWEEN gap.first_id AND gap.last_id)
    ) AS newest
    CROSS JOIN LATERAL (
      (SELECT price, timestamp FROM raw_trades
        WHERE raw_trades.symbol = symbols.symbol AND trade_id = newest.id AND timestamp = symbols.high_time)
      UNION ALL
      (SELECT price, timestamp FROM raw_trades WHERE raw_trades.symbol = symbols.symbol AND trade_id = newest.id)
      LIMIT 1
    ) AS trade
    ORDER BY symbol`
  return rows.map(({ id, price, symbol, time }): LatestPrice => ({ symbol, price, id: Number(id), time: Number(time) }))
})

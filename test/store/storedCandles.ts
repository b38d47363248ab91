import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { type Candle, INTERVALS } from "../../src/market/Candle.ts"
import { type FoldedTrade, foldCandles, widthOf } from "../fixtures/foldCandles.ts"

/** Of an interval that has trades. */
export type StoredCandle = Omit<Candle, "revisedAt"> & { readonly revised: boolean }

/** All rows of the table. */
export const storedCandles = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) => sql<StoredCandle>`
    SELECT symbol, interval, (extract(epoch FROM open_time) * 1000000)::float8 AS "openTime",
      open::text AS open, high::text AS high, low::text AS low, close::text AS close, volume::text AS volume,
      quote_volume::text AS "quoteVolume", trades::float8 AS trades,
      taker_buy_volume::text AS "takerBuyVolume", taker_buy_quote_volume::text AS "takerBuyQuoteVolume",
      first_id::float8 AS "firstId", last_id::float8 AS "lastId",
      is_final AS "isFinal", is_partial AS "isPartial", revised_at IS NOT NULL AS revised
    FROM candles ORDER BY symbol, interval, open_time`,
)

const storedTrades = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) => sql<FoldedTrade>`
    SELECT symbol, trade_id::float8 AS id, price::text AS price, quantity::text AS quantity, side,
      (extract(epoch FROM timestamp) * 1000000)::float8 AS time
    FROM raw_trades`,
)

const openIds = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) => sql<{ readonly symbol: string; readonly id: number }>`
    SELECT symbol, generate_series(first_id, last_id)::float8 AS id FROM trade_gaps WHERE state IN ('open', 'filling')`,
)

/** The candles of the stored trades, and what may be said of them, by a count of its own. */
export const expectedCandles = Effect.gen(function* () {
  const trades = yield* storedTrades
  const open = yield* openIds
  const symbols = [...new Set(trades.map(({ symbol }) => symbol))].sort()
  return symbols.flatMap((symbol) => {
    const own = trades.filter((trade) => trade.symbol === symbol)
    const isOpen = (above: number, below: number) =>
      open.some((one) => one.symbol === symbol && one.id > above && one.id < below)
    const first = Math.min(...own.map(({ id }) => id))
    return [...INTERVALS].sort().flatMap((interval) =>
      foldCandles(symbol, interval, own).map((numbers) => {
        const end = numbers.openTime + widthOf(interval)
        const before = own.filter(({ time }) => time < numbers.openTime).map(({ id }) => id)
        const after = own.filter(({ time }) => time >= end).map(({ id }) => id)
        return {
          ...numbers,
          isFinal: after.length > 0 && !isOpen(Math.max(-1, ...before), Math.min(...after)),
          isPartial: numbers.firstId === first && first > 0,
        }
      }),
    )
  })
})

/** Each candle is as it should be, there is no other, and nothing is left to refresh. */
export const assertCandles = Effect.gen(function* () {
  const stored = yield* storedCandles
  const expected = yield* expectedCandles
  assert.deepStrictEqual(
    stored,
    expected.map((candle, index) => ({ ...candle, revised: stored[index]?.revised ?? false })),
  )
  const sql = yield* SqlClient.SqlClient
  assert.deepStrictEqual(yield* sql`SELECT * FROM candle_changes`, [])
  return stored
})

/** Marked as revised are those that were, and those whose numbers are others although they were final. */
export const assertRevised = (before: ReadonlyArray<StoredCandle>, after: ReadonlyArray<StoredCandle>) => {
  const key = ({ interval, openTime, symbol }: StoredCandle) => `${symbol} ${interval} ${openTime}`
  const known = new Map(before.map((candle) => [key(candle), candle]))
  for (const candle of after) {
    const old = known.get(key(candle))
    const isRevised = old !== undefined && (old.revised || (old.isFinal && old.trades !== candle.trades))
    assert.strictEqual(candle.revised, isRevised, `revised: ${key(candle)}`)
  }
}

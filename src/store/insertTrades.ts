import * as PgTypes from "@effect/sql-pg/PgTypes"
import { Effect, Predicate, Result } from "effect"
import type { SqlClient } from "effect/sql"
import type { Trade } from "../market/Trade.ts"

/**
 * Inserts the trades that are not there yet, and tells how many those were. One statement for every batch size: the columns
 * travel as arrays, decimals as the text that they are.
 */
export const insertTrades = (sql: SqlClient.SqlClient, trades: ReadonlyArray<Trade>) =>
  Effect.map(
    sql`
      INSERT INTO raw_trades (timestamp, symbol, price, quantity, side, trade_id, buyer_order_id, seller_order_id)
      SELECT timestamptz 'epoch' + time_us * interval '1 microsecond', symbol, price::numeric, quantity::numeric, side, id, buyer, seller
      FROM unnest(
        ${column("int8", trades, (trade) => BigInt(trade.time))},
        ${column("text", trades, (trade) => trade.symbol)},
        ${column("text", trades, (trade) => trade.price)},
        ${column("text", trades, (trade) => trade.quantity)},
        ${column("text", trades, (trade) => trade.side)},
        ${column("int8", trades, (trade) => BigInt(trade.id))},
        ${column("int8", trades, (trade) => nullableId(trade.buyerOrderId))},
        ${column("int8", trades, (trade) => nullableId(trade.sellerOrderId))}
      ) AS batch (time_us, symbol, price, quantity, side, id, buyer, seller)
      ON CONFLICT DO NOTHING`.raw,
    (result) => (Predicate.hasProperty(result, "rowCount") ? Number(result.rowCount) : 0),
  )

const column = (type: "int8" | "text", trades: ReadonlyArray<Trade>, value: (trade: Trade) => unknown) =>
  Result.getOrThrow(PgTypes.array(trades.map(value), PgTypes.OID[type]))

const nullableId = (id: number | null) => (id === null ? null : BigInt(id))

import { Effect } from "effect"
import { type Query } from "../fixtures/service/TestPostgres.ts"

/** Where each symbol stands. */
export const positions = (query: Query) =>
  Effect.map(
    query(`SELECT symbol, high_id, (SELECT count(*) FROM trade_gaps AS gap
      WHERE gap.symbol = symbols.symbol AND state IN ('open', 'filling')) AS missing FROM symbols`),
    (rows) =>
      rows.map(({ high_id, missing, symbol }) => ({
        symbol: String(symbol),
        high: Number(high_id),
        missing: Number(missing),
      })),
  )

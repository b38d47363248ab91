import * as PgTypes from "@effect/sql-pg/PgTypes"
import { Effect, Result } from "effect"
import type { SqlClient } from "effect/sql"
import { isStorable } from "../market/decimal.ts"
import type { Trade } from "../market/Trade.ts"

/** A trade that the table cannot hold, and why. */
export interface Refusal {
  readonly trade: Trade
  readonly reason: string
}

/** Beyond this many rows the oldest leave: a flood of bad rows must not fill the disk. */
export const MOST_QUARANTINED = 10_000

/** Why the table could not hold the trade to the last digit, known without asking the database; undefined when it can. */
export const reasonToRefuse = (trade: Trade): string | undefined => {
  if (!isStorable(trade.price)) return `price ${trade.price} is not a number of at most 12 digits and 8 decimals`
  if (!isStorable(trade.quantity))
    return `quantity ${trade.quantity} is not a number of at most 12 digits and 8 decimals`
  return undefined
}

/** Sets trades aside with their reasons. The last reason stands when a trade comes again. */
export const quarantine = (sql: SqlClient.SqlClient, refusals: ReadonlyArray<Refusal>) =>
  sql`
    INSERT INTO quarantined_trades (symbol, trade_id, price, quantity, side, time_us, reason)
    SELECT DISTINCT ON (symbol, trade_id) * FROM unnest(
      ${column("text", refusals, ({ trade }) => trade.symbol)},
      ${column("int8", refusals, ({ trade }) => BigInt(trade.id))},
      ${column("text", refusals, ({ trade }) => storableText(trade.price))},
      ${column("text", refusals, ({ trade }) => storableText(trade.quantity))},
      ${column("text", refusals, ({ trade }) => trade.side)},
      ${column("int8", refusals, ({ trade }) => BigInt(trade.time))},
      ${column("text", refusals, ({ reason }) => storableText(reason))}
    ) AS refused (symbol, trade_id, price, quantity, side, time_us, reason)
    ON CONFLICT (symbol, trade_id) DO UPDATE SET reason = EXCLUDED.reason, quarantined_at = now()`.pipe(
    Effect.andThen(
      sql`
        DELETE FROM quarantined_trades WHERE (symbol, trade_id) IN (
          SELECT symbol, trade_id FROM quarantined_trades
          ORDER BY quarantined_at DESC, trade_id DESC OFFSET ${MOST_QUARANTINED}::int)`,
    ),
    Effect.asVoid,
  )

const column = (type: "int8" | "text", refusals: ReadonlyArray<Refusal>, value: (refusal: Refusal) => unknown) =>
  Result.getOrThrow(PgTypes.array(refusals.map(value), PgTypes.OID[type]))

/** TEXT holds no NUL, and nobody needs more of a broken number than its beginning. */
const storableText = (text: string) => text.replaceAll("\0", "\\0").slice(0, 200)

import { Effect } from "effect"
import type { SqlClient } from "effect/sql"
import { isStorable } from "../market/decimal.ts"
import type { Trade } from "../market/Trade.ts"

/** Beyond this many rows the oldest leave: a flood of bad rows must not fill the disk. */
export const MOST_QUARANTINED = 10_000

/** Why the table could not hold the trade to the last digit, known without asking the database; undefined when it can. */
export const refusalOf = (trade: Trade): string | undefined => {
  if (!isStorable(trade.price)) return `price ${trade.price} is not a number of at most 12 digits and 8 decimals`
  if (!isStorable(trade.quantity))
    return `quantity ${trade.quantity} is not a number of at most 12 digits and 8 decimals`
  return undefined
}

/** Sets a trade aside with the reason. The last reason stands when it comes again. */
export const quarantine = (sql: SqlClient.SqlClient, trade: Trade, reason: string) =>
  sql`
    INSERT INTO quarantined_trades (symbol, trade_id, price, quantity, side, time_us, reason)
    VALUES (${trade.symbol}, ${BigInt(trade.id)}, ${storableText(trade.price)}, ${storableText(trade.quantity)},
      ${trade.side}, ${BigInt(trade.time)}, ${storableText(reason)})
    ON CONFLICT (symbol, trade_id) DO UPDATE SET reason = EXCLUDED.reason, quarantined_at = now()`.pipe(
    Effect.andThen(
      sql`
        DELETE FROM quarantined_trades WHERE (symbol, trade_id) IN (
          SELECT symbol, trade_id FROM quarantined_trades ORDER BY quarantined_at DESC, trade_id DESC OFFSET ${MOST_QUARANTINED}::int)`,
    ),
    Effect.asVoid,
  )

/** TEXT holds no NUL, and nobody needs more of a broken number than its beginning. */
const storableText = (text: string) => text.replaceAll("\0", "\\0").slice(0, 200)

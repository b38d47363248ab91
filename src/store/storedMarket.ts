import { Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import { DatabaseUnusable } from "./DatabaseUnusable.ts"

/** The market whose trades the database holds; undefined before the first one. */
export const storedMarket = (sql: SqlClient.SqlClient): Effect.Effect<string | undefined, SqlError.SqlError> =>
  Effect.map(sql<{ readonly market: string }>`SELECT market FROM stored_market`, ([row]) => row?.market)

/**
 * Makes the database the market's, for good, unless it is another's already; tells whose it is. To be done before the first trade
 * is written and not earlier: a start that fails must not decide whose the database is.
 */
export const claimMarket = (sql: SqlClient.SqlClient, market: string) =>
  Effect.andThen(sql`INSERT INTO stored_market (market) VALUES (${market}) ON CONFLICT DO NOTHING`, storedMarket(sql))

/** Fails when the database is another market's: ids of two markets would collide. */
export const requireMarket = (stored: string | undefined, market: string): Effect.Effect<void, DatabaseUnusable> =>
  stored === undefined || stored === market
    ? Effect.void
    : Effect.fail(
        new DatabaseUnusable({
          message: `The database holds trades of ${stored}, and BINANCE_WS_URL is of ${market}: trade ids of two markets would collide, so give this market a database of its own.`,
        }),
      )

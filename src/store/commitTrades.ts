import * as PgTypes from "@effect/sql-pg/PgTypes"
import { Effect, Result } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import type { Trade } from "../market/Trade.ts"

/** What a commit did to the ledger. */
export interface Committed {
  readonly stored: number
  /** Holes recorded. */
  readonly opened: number
  /** The symbol of each trade that was not taken although it is later than the high: the exchange numbers anew. */
  readonly regressed: ReadonlyArray<string>
}

/** Why the holes that a batch leaves above the symbol's high are there. */
export type HoleCause = "not received" | "missed while away"

/** A trade on its way to the ledger; with a reason it gets no row, and its id is recorded as unfillable. */
export interface Entry {
  readonly trade: Trade
  readonly refusal?: string | undefined
}

/**
 * The one call through which every writer goes: `commit_trades` of the ledger's migration, which stores each id once and keeps
 * the ledger true, in one transaction. Repeating it is harmless.
 */
export const commitTrades = (
  sql: SqlClient.SqlClient,
  market: string,
  cause: HoleCause,
  entries: ReadonlyArray<Entry>,
): Effect.Effect<Committed, SqlError.SqlError> =>
  sql<{ readonly stored: bigint; readonly opened: bigint; readonly regressed: ReadonlyArray<string> | null }>`
    SELECT stored, opened, regressed FROM commit_trades(
      ${market}, ${cause},
      ${column("text", entries, ({ trade }) => trade.symbol)},
      ${column("int8", entries, ({ trade }) => BigInt(trade.id))},
      ${column("int8", entries, ({ trade }) => BigInt(trade.time))},
      ${column("text", entries, ({ refusal, trade }) => (refusal === undefined ? trade.price : null))},
      ${column("text", entries, ({ refusal, trade }) => (refusal === undefined ? trade.quantity : null))},
      ${column("text", entries, ({ trade }) => trade.side)},
      ${column("int8", entries, ({ trade }) => nullableId(trade.buyerOrderId))},
      ${column("int8", entries, ({ trade }) => nullableId(trade.sellerOrderId))},
      ${column("text", entries, ({ refusal }) => refusal?.replaceAll("\0", "\\0") ?? null)})`.pipe(
    Effect.map(([counts]) => ({
      stored: Number(counts?.stored ?? 0),
      opened: Number(counts?.opened ?? 0),
      regressed: counts?.regressed ?? [],
    })),
  )

const column = (type: "int8" | "text", entries: ReadonlyArray<Entry>, value: (entry: Entry) => unknown) =>
  Result.getOrThrow(PgTypes.array(entries.map(value), PgTypes.OID[type]))

const nullableId = (id: number | null) => (id === null ? null : BigInt(id))

import * as PgTypes from "@effect/sql-pg/PgTypes"
import { Effect, Result } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import type { Trade } from "../market/Trade.ts"

/** What a commit did to the ledger. */
export interface Committed {
  readonly stored: number
  /** Gaps recorded that are to be filled. */
  readonly opened: number
  /** Those of the trades that are later than their symbol's high though their ids are not above it: the exchange numbers anew. */
  readonly regressed: ReadonlyArray<Trade>
}

/** Where trades come from: the stream, or an answer of the exchange that was asked for them. */
export type TradeOrigin = "stream" | "history"

/** Why the holes that a batch leaves above the symbol's high are there. */
const causeOf = { stream: "not received", history: "missed while away" } as const

/**
 * A trade on its way to the ledger; with a reason it gets no row. Its id is then to be asked for, or is unfillable, when it was asked
 * for already.
 */
export interface Entry {
  readonly trade: Trade
  readonly refusal?: string | undefined
}

/** Trades to be committed together. */
export interface Batch {
  readonly origin: TradeOrigin
  readonly entries: ReadonlyArray<Entry>
  /** The symbols whose hole behind their high is recorded as unfillable, because nobody wants what was missed there. */
  readonly unwanted: ReadonlyArray<string>
}

/** What every commit of a process has in common. */
export interface CommitOptions {
  readonly market: string
  /** Ids of one hole that are to be filled at most, its newest ones; the others are recorded as unfillable. */
  readonly mostMissing: number
}

/**
 * The one call through which every writer goes: `commit_trades` of the migrations, which stores each id once and keeps
 * the ledger true, in one transaction. Repeating it is harmless. Symbols that come one after the other, each with ascending ids, are
 * what it is quickest with.
 */
export const commitTrades = (
  sql: SqlClient.SqlClient,
  { market, mostMissing }: CommitOptions,
  { entries, origin, unwanted }: Batch,
): Effect.Effect<Committed, SqlError.SqlError> =>
  sql<Answer>`
    SELECT stored, opened, regressed_symbols, regressed_ids FROM commit_trades(
      ${market}, ${causeOf[origin]}, ${origin === "history"}, ${BigInt(mostMissing)},
      ${Result.getOrThrow(PgTypes.array(unwanted, PgTypes.OID.text))},
      ${column("text", entries, ({ trade }) => trade.symbol)},
      ${column("int8", entries, ({ trade }) => BigInt(trade.id))},
      ${column("int8", entries, ({ trade }) => BigInt(trade.time))},
      ${column("numeric", entries, ({ refusal, trade }) => (refusal === undefined ? trade.price : null))},
      ${column("numeric", entries, ({ refusal, trade }) => (refusal === undefined ? trade.quantity : null))},
      ${column("text", entries, ({ trade }) => trade.side)},
      ${sparse("int8", entries, ({ trade }) => nullableId(trade.buyerOrderId))},
      ${sparse("int8", entries, ({ trade }) => nullableId(trade.sellerOrderId))},
      ${sparse("text", entries, ({ refusal }) => refusal?.replaceAll("\0", "\\0") ?? null)})`.pipe(
    Effect.map(([answer]) => ({
      stored: Number(answer?.stored ?? 0),
      opened: Number(answer?.opened ?? 0),
      regressed: named(entries, answer?.regressed_symbols ?? [], answer?.regressed_ids ?? []),
    })),
  )

interface Answer {
  readonly stored: bigint
  readonly opened: bigint
  readonly regressed_symbols: ReadonlyArray<string> | null
  readonly regressed_ids: ReadonlyArray<bigint> | null
}

type Column = "int8" | "text" | "numeric"

const column = (type: Column, entries: ReadonlyArray<Entry>, value: (entry: Entry) => unknown) =>
  Result.getOrThrow(PgTypes.array(entries.map(value), PgTypes.OID[type]))

/** Empty where no entry has a value, as it is for nearly every batch. */
const sparse = (type: Column, entries: ReadonlyArray<Entry>, value: (entry: Entry) => unknown) =>
  column(type, entries.some((entry) => value(entry) !== null) ? entries : [], value)

const nullableId = (id: number | null) => (id === null ? null : BigInt(id))

/** The trades of these symbols and ids, but for those that are refused anyway. */
const named = (
  entries: ReadonlyArray<Entry>,
  symbols: ReadonlyArray<string>,
  ids: ReadonlyArray<bigint>,
): ReadonlyArray<Trade> => {
  if (symbols.length === 0) return []
  const keys = new Set(symbols.map((symbol, index) => `${symbol} ${ids[index]}`))
  return entries.flatMap(({ refusal, trade }) =>
    refusal === undefined && keys.delete(`${trade.symbol} ${trade.id}`) ? [trade] : [],
  )
}

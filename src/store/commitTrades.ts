import * as PgTypes from "@effect/sql-pg/PgTypes"
import { Effect, Result } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import type { Trade } from "../market/Trade.ts"
import { ArrayColumn } from "./ArrayColumn.ts"

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

/** Trades to be committed together. */
export interface Batch {
  readonly origin: TradeOrigin
  readonly trades: ReadonlyArray<Trade>
  /**
   * Why some of them get no row. The id of such a one is then to be asked for, or is unfillable, when it was asked for already.
   */
  readonly refusals?: ReadonlyMap<Trade, string>
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
  { origin, refusals = NO_REFUSALS, trades, unwanted }: Batch,
): Effect.Effect<Committed, SqlError.SqlError> =>
  Effect.suspend(() => {
    const columns = columnsOf(trades, refusals)
    return sql<Answer>`
      SELECT stored, opened, regressed_symbols, regressed_ids FROM commit_trades(
        ${market}, ${causeOf[origin]}, ${origin === "history"}, ${BigInt(mostMissing)}, ${texts(unwanted)},
        ${columns.symbols}, ${columns.ids}, ${columns.times}, ${columns.prices}, ${columns.quantities}, ${columns.sides},
        ${columns.buyers}, ${columns.sellers}, ${reasons(trades, refusals)})`
  }).pipe(
    Effect.map(([answer]) => ({
      stored: Number(answer?.stored ?? 0),
      opened: Number(answer?.opened ?? 0),
      regressed: named(trades, refusals, answer?.regressed_symbols ?? [], answer?.regressed_ids ?? []),
    })),
  )

interface Answer {
  readonly stored: bigint
  readonly opened: bigint
  readonly regressed_symbols: ReadonlyArray<string> | null
  readonly regressed_ids: ReadonlyArray<bigint> | null
}

const NO_REFUSALS: ReadonlyMap<Trade, string> = new Map()

/** Each column is written in the one pass over the trades; those that hardly any trade has a value in are empty where none has. */
const columnsOf = (trades: ReadonlyArray<Trade>, refusals: ReadonlyMap<Trade, string>) => {
  const { length } = trades
  const longest = trades.reduce((most, { symbol }) => Math.max(most, symbol.length), 0)
  const symbols = ArrayColumn.text(length, longest)
  const ids = ArrayColumn.int8(length)
  const times = ArrayColumn.int8(length)
  const prices = ArrayColumn.numeric(length)
  const quantities = ArrayColumn.numeric(length)
  const sides = ArrayColumn.text(length, 4)
  let hasOrders = false
  for (const trade of trades) {
    symbols.addText(trade.symbol)
    ids.addInteger(trade.id)
    times.addInteger(trade.time)
    if (refusals.size > 0 && refusals.has(trade)) {
      prices.addNull()
      quantities.addNull()
    } else {
      prices.addDecimal(trade.price)
      quantities.addDecimal(trade.quantity)
    }
    sides.addText(trade.side)
    hasOrders ||= trade.buyerOrderId !== null || trade.sellerOrderId !== null
  }
  return {
    symbols: symbols.parameter(),
    ids: ids.parameter(),
    times: times.parameter(),
    prices: prices.parameter(),
    quantities: quantities.parameter(),
    sides: sides.parameter(),
    buyers: hasOrders ? orders(trades, ({ buyerOrderId }) => buyerOrderId) : NO_ORDERS,
    sellers: hasOrders ? orders(trades, ({ sellerOrderId }) => sellerOrderId) : NO_ORDERS,
  }
}

const NO_ORDERS = ArrayColumn.int8(0).parameter()

const orders = (trades: ReadonlyArray<Trade>, idOf: (trade: Trade) => number | null) => {
  const column = ArrayColumn.int8(trades.length)
  for (const trade of trades) {
    const id = idOf(trade)
    if (id === null) column.addNull()
    else column.addInteger(id)
  }
  return column.parameter()
}

const reasons = (trades: ReadonlyArray<Trade>, refusals: ReadonlyMap<Trade, string>) =>
  texts(
    refusals.size > 0 && trades.some((trade) => refusals.has(trade))
      ? trades.map((trade) => refusals.get(trade)?.replaceAll("\0", "\\0") ?? null)
      : [],
  )

const texts = (values: ReadonlyArray<string | null>) => Result.getOrThrow(PgTypes.array(values, PgTypes.OID.text))

/** The trades of these symbols and ids, but for those that are refused anyway. */
const named = (
  trades: ReadonlyArray<Trade>,
  refusals: ReadonlyMap<Trade, string>,
  symbols: ReadonlyArray<string>,
  ids: ReadonlyArray<bigint>,
): ReadonlyArray<Trade> => {
  if (symbols.length === 0) return []
  const keys = new Set(symbols.map((symbol, index) => `${symbol} ${ids[index]}`))
  return trades.filter((trade) => !refusals.has(trade) && keys.delete(`${trade.symbol} ${trade.id}`))
}

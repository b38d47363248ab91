import type { HistoryPage } from "../feed/TradeHistory.ts"
import { isSameDecimal, isStorable } from "../market/decimal.ts"
import { type IdRange, joined } from "../market/IdRange.ts"
import type { Trade } from "../market/Trade.ts"
import type { StoredPage, StoredTrade } from "../store/storedPage.ts"
import type { IdPage } from "./samplePages.ts"

/** A row that is not what the exchange says, with both. */
export interface Difference {
  readonly stored: StoredTrade
  readonly told: Trade
  readonly fields: ReadonlyArray<"price" | "quantity" | "side" | "time">
}

/** Ids that the ledger gave up, though the exchange serves them. */
export interface Obtainable extends IdRange {
  /** Why they were given up. */
  readonly reason: string
}

/** What a page of the exchange's history says of the rows of the same ids. */
export interface PageComparison {
  /** Rows whose trade the exchange has. */
  readonly compared: number
  /** Of those, whose time was cut to milliseconds. */
  readonly cutTimes: number
  readonly differing: ReadonlyArray<Difference>
  /** Rows that the exchange lacks, though it serves ids below and above them. */
  readonly unknown: ReadonlyArray<StoredTrade>
  /** Trades of the exchange that have neither a row nor a place in the ledger. */
  readonly lost: ReadonlyArray<Trade>
  readonly obtainable: ReadonlyArray<Obtainable>
  /** Ids that the exchange serves no more. */
  readonly gone: ReadonlyArray<IdRange>
  /** Ids that this host does not serve, for the reason in the answer's `limitation`. */
  readonly limited: ReadonlyArray<IdRange>
  /** Ids above the newest that the exchange serves. */
  readonly pending: ReadonlyArray<IdRange>
}

/**
 * Compares the rows of a page with the exchange's answer, exactly: decimals as text but for zeros at their end, times to the
 * microsecond. A stored time of whole milliseconds is the exchange's where both agree to the millisecond.
 *
 * @param servesBelow whether the exchange is known to serve ids below the page: then it also should serve those of the page.
 */
export const comparePage = (
  page: IdPage,
  answer: HistoryPage,
  { gaps, keptFrom, rows }: StoredPage,
  servesBelow: boolean,
): PageComparison => {
  const from = Math.max(page.first, keptFrom)
  const oldest = answer.trades[0]?.id ?? from
  const newest = answer.trades.at(-1)?.id ?? from - 1
  const unserved = range(from, Math.min(oldest - 1, page.last))
  const mayLack = servesBelow && answer.limitation === undefined
  const lowest = mayLack ? from : Math.max(from, oldest)

  const trades = new Map(answer.trades.flatMap((trade) => (isIn(from, trade.id, page.last) ? [[trade.id, trade]] : [])))
  const judged = rows.filter(({ id }) => isIn(lowest, id, Math.min(newest, page.last)))
  const pairs = judged.flatMap((stored) => {
    const told = trades.get(stored.id)
    return told === undefined ? [] : [{ stored, told }]
  })
  const present = new Set(rows.map(({ id }) => id))
  const absent = [...trades.values()].flatMap((trade) =>
    present.has(trade.id) ? [] : [{ trade, gap: gaps.find(({ first, last }) => isIn(first, trade.id, last)) }],
  )

  return {
    compared: pairs.length,
    cutTimes: pairs.filter(({ stored, told }) => stored.time !== told.time && isSameTime(stored.time, told.time))
      .length,
    differing: pairs.flatMap(({ stored, told }) => {
      const fields = differences(stored, told)
      return fields.length === 0 ? [] : [{ stored, told, fields }]
    }),
    unknown: judged.filter(({ id }) => !trades.has(id)),
    lost: absent.flatMap(({ gap, trade }) => (gap === undefined ? [trade] : [])),
    obtainable: joined(
      absent.flatMap(({ gap, trade: { id, price, quantity } }) =>
        gap?.unfillable !== undefined && isStorable(price) && isStorable(quantity)
          ? range(id, id).map((ids) => ({ ...ids, reason: gap.unfillable ?? "" }))
          : [],
      ),
      (one, next) => one.reason === next.reason,
    ),
    gone: mayLack || answer.limitation !== undefined ? [] : unserved,
    limited: answer.limitation === undefined ? [] : unserved,
    pending: range(Math.max(from, newest + 1), page.last),
  }
}

const isIn = (first: number, id: number, last: number): boolean => first <= id && id <= last

const range = (first: number, last: number): ReadonlyArray<IdRange> =>
  first > last ? [] : [{ first: BigInt(first), last: BigInt(last) }]

const differences = (stored: StoredTrade, told: Trade): Difference["fields"] => [
  ...(isSameDecimal(stored.price, told.price) ? [] : (["price"] as const)),
  ...(isSameDecimal(stored.quantity, told.quantity) ? [] : (["quantity"] as const)),
  ...(stored.side === told.side ? [] : (["side"] as const)),
  ...(isSameTime(stored.time, told.time) ? [] : (["time"] as const)),
]

const isSameTime = (stored: number, told: number): boolean => stored === told || stored === told - (told % 1000)

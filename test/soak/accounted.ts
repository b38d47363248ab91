import { Effect } from "effect"
import { type Query } from "../fixtures/service/TestPostgres.ts"

/** From the first to the last trade of a symbol that left the exchange. */
export interface SentOfSymbol {
  readonly firstId: number
  readonly lastId: number
  /** Distinct ids. */
  readonly count: number
}

/** What the rows of the database say against what was sent. */
export interface Accounted {
  readonly sent: number
  /** Ids from the first to the last of each symbol that have no row. */
  readonly missing: number
  /** Rows beyond the first of an id. */
  readonly duplicates: number
  readonly rows: number
}

/**
 * Counts the rows, of every symbol. Ids that were made while no connection took them count as well: they are the service's to
 * fetch. Rows beyond the last id that was sent are rows.
 */
export const accounted = Effect.fnUntraced(function* (query: Query, sent: Readonly<Record<string, SentOfSymbol>>) {
  const counted = yield* Effect.forEach(Object.entries(sent), ([symbol, { count, firstId, lastId }]) =>
    Effect.map(
      query(`SELECT coalesce(sum(copies), 0)::bigint AS rows, count(*) AS ids,
          count(*) FILTER (WHERE id BETWEEN ${firstId} AND ${lastId}) AS wanted
        FROM (SELECT trade_id AS id, count(*) AS copies FROM raw_trades WHERE symbol = '${symbol}' GROUP BY trade_id) AS ids`),
      ([row]) => {
        const [rows, ids, wanted] = [Number(row?.["rows"]), Number(row?.["ids"]), Number(row?.["wanted"])]
        return { sent: count, missing: lastId - firstId + 1 - wanted, duplicates: rows - ids, rows }
      },
    ),
  )
  const sum = (of: keyof Accounted): number => counted.reduce((total, symbol) => total + symbol[of], 0)
  return {
    sent: sum("sent"),
    missing: sum("missing"),
    duplicates: sum("duplicates"),
    rows: sum("rows"),
  } satisfies Accounted
})

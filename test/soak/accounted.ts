import { Effect } from "effect"
import { type Query } from "../fixtures/service/TestPostgres.ts"
import { type SentOfSymbol } from "./Sent.ts"

/** What the rows of the database say against what was sent. */
export interface Accounted {
  /** Until the service had ended. */
  readonly sent: number
  /** Ids from the first that was sent to the last that is stored, of each symbol, that have no row. */
  readonly missing: number
  /** Ids that were due, and lie above the last that is stored of their symbol. */
  readonly late: number
  /** Rows beyond the first of an id. */
  readonly duplicates: number
  readonly rows: number
}

type BySymbol = Readonly<Record<string, SentOfSymbol>>

/**
 * Counts the rows, of every symbol. Ids that were made while no connection took them count as well: they are the service's to
 * fetch. Rows beyond the last id that was sent are rows. What was sent and is above the last row is what a later start asks for;
 * nothing of it may have been `due`.
 *
 * @param sent what had left the exchange when the service had ended.
 * @param due what had left it so long before the service was asked to stop that it had to be stored.
 */
export const accounted = Effect.fnUntraced(function* (query: Query, sent: BySymbol, due: BySymbol) {
  const counted = yield* Effect.forEach(Object.entries(sent), ([symbol, { count, firstId, lastId }]) =>
    Effect.map(
      query(`SELECT coalesce(sum(copies), 0)::bigint AS rows, count(*) AS ids,
          count(*) FILTER (WHERE id BETWEEN ${firstId} AND ${lastId}) AS wanted,
          coalesce(max(id) FILTER (WHERE id <= ${lastId}), ${firstId - 1}) AS high
        FROM (SELECT trade_id AS id, count(*) AS copies FROM raw_trades WHERE symbol = '${symbol}' GROUP BY trade_id) AS ids`),
      ([row]) => {
        const of = (name: string): number => Number(row?.[name])
        return {
          sent: count,
          missing: of("high") - firstId + 1 - of("wanted"),
          late: Math.max(0, (due[symbol]?.lastId ?? 0) - of("high")),
          duplicates: of("rows") - of("ids"),
          rows: of("rows"),
        }
      },
    ),
  )
  const sum = (of: keyof Accounted): number => counted.reduce((total, symbol) => total + symbol[of], 0)
  return {
    sent: sum("sent"),
    missing: sum("missing"),
    late: sum("late"),
    duplicates: sum("duplicates"),
    rows: sum("rows"),
  } satisfies Accounted
})

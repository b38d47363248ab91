import { Effect } from "effect"
import { oneLook } from "./oneLook.ts"
import { SqlClient, type SqlError } from "effect/sql"

/** A row, with its values as the table has them. */
export interface StoredTrade {
  readonly id: number
  /** With all 8 decimals, as the quantity. */
  readonly price: string
  readonly quantity: string
  readonly side: string
  /** In microseconds since the epoch. */
  readonly time: number
}

/** What the database says of a run of ids. */
export interface StoredPage {
  /** By ascending id; an id that is there twice has two. */
  readonly rows: ReadonlyArray<StoredTrade>
  /** What the ledger has of the run as not stored, by ascending id. */
  readonly gaps: ReadonlyArray<{
    readonly first: number
    readonly last: number
    /** Why it cannot be had; undefined while it may still be. */
    readonly unfillable: string | undefined
  }>
  /** Rows below it are not kept. */
  readonly keptFrom: number
}

/** Reads rows and ledger of the ids from `first` to `last`, in one look at the database. */
export const storedPage: (
  symbol: string,
  first: number,
  last: number,
) => Effect.Effect<StoredPage, SqlError.SqlError, SqlClient.SqlClient> = Effect.fnUntraced(
  function* (symbol, first, last) {
    const sql = yield* SqlClient.SqlClient
    const [from, to] = [BigInt(first), BigInt(last)]
    return yield* sql.withTransaction(
      Effect.gen(function* () {
        yield* oneLook
        const [kept] = yield* sql<{
          readonly id: bigint
        }>`SELECT kept_from_id AS id FROM symbols WHERE symbol = ${symbol}`
        const gaps = yield* sql<GapRow>`
          SELECT first_id AS first, last_id AS last, CASE WHEN state = 'unfillable' THEN coalesce(last_error, cause) END AS unfillable
          FROM trade_gaps WHERE symbol = ${symbol} AND state <> 'filled' AND first_id <= ${to} AND last_id >= ${from}
          ORDER BY first_id`
        const rows = yield* sql<TradeRow>`
          SELECT trade_id AS id, price::text AS price, quantity::text AS quantity, side,
            (extract(epoch FROM timestamp) * 1000000)::bigint AS time
          FROM raw_trades WHERE symbol = ${symbol} AND trade_id BETWEEN ${from} AND ${to} ORDER BY trade_id`
        return {
          rows: rows.map(({ id, time, ...row }) => ({ ...row, id: Number(id), time: Number(time) })),
          gaps: gaps.map(({ first, last, unfillable }) => ({
            first: Number(first),
            last: Number(last),
            unfillable: unfillable ?? undefined,
          })),
          keptFrom: Number(kept?.id ?? from),
        }
      }),
    )
  },
)

interface GapRow {
  readonly first: bigint
  readonly last: bigint
  readonly unfillable: string | null
}

interface TradeRow {
  readonly id: bigint
  readonly price: string
  readonly quantity: string
  readonly side: string
  readonly time: bigint
}

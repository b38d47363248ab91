import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"

/** A run of ids, both ends included. */
export interface IdRange {
  readonly first: bigint
  readonly last: bigint
}

/** What the database holds of one symbol, counted from its rows. */
export interface SymbolCompleteness {
  readonly symbol: string
  readonly first: bigint
  readonly last: bigint
  readonly rows: bigint
  readonly distinct: bigint
  /** Rows beyond the first of each id. */
  readonly duplicates: bigint
  /** Ids between first and last that have no row. */
  readonly missing: bigint
  /** Where they are missing: the lowest ranges, one more than `MOST_RANGES` where there are more. */
  readonly ranges: ReadonlyArray<IdRange>
}

/** How many missing ranges are listed for a symbol. */
export const MOST_RANGES = 10

/** Counts the ids of every symbol, in one look at the database. Takes seconds for each hundred million rows. */
export const completeness: Effect.Effect<
  ReadonlyArray<SymbolCompleteness>,
  SqlError.SqlError,
  SqlClient.SqlClient
> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  return yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* sql`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY`
      const [table] = yield* sql<{ readonly exists: boolean }>`SELECT to_regclass('raw_trades') IS NOT NULL AS exists`
      if (table?.exists !== true) return []
      const symbols = yield* sql<Counted>`
        SELECT symbol, min(trade_id) AS first, max(trade_id) AS last, sum(copies)::bigint AS rows, count(*) AS distinct
        FROM (SELECT symbol, trade_id, count(*) AS copies FROM raw_trades GROUP BY symbol, trade_id) AS ids
        GROUP BY symbol ORDER BY symbol`
      return yield* Effect.forEach(symbols, (counted) => {
        const missing = counted.last - counted.first + 1n - counted.distinct
        const ranges = missing === 0n ? Effect.succeed([]) : missingRanges(sql, counted.symbol)
        return Effect.map(ranges, (ranges): SymbolCompleteness => ({
          ...counted,
          duplicates: counted.rows - counted.distinct,
          missing,
          ranges,
        }))
      })
    }),
  )
})

type Counted = Pick<SymbolCompleteness, "symbol" | "first" | "last" | "rows" | "distinct">

const missingRanges = (sql: SqlClient.SqlClient, symbol: string) => sql<IdRange>`
  SELECT previous + 1 AS first, trade_id - 1 AS last
  FROM (SELECT trade_id, lag(trade_id) OVER (ORDER BY trade_id) AS previous FROM raw_trades WHERE symbol = ${symbol}) AS ids
  WHERE trade_id > previous + 1
  ORDER BY trade_id LIMIT ${MOST_RANGES + 1}`

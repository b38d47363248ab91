import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { oneLook } from "./oneLook.ts"
import { countIds, type IdRange, without } from "../market/IdRange.ts"

/** A gap of the ledger that is not filled. */
export interface UnfilledGap extends IdRange {
  readonly cause: string
  /** Of an unfillable gap: why. Of an open one: what the last attempt met. */
  readonly lastError: string | null
}

/** What the ledger says of one symbol, and what its rows say. */
export interface SymbolCompleteness {
  readonly symbol: string
  readonly origin: bigint
  readonly high: bigint
  /** The highest id up to which every id from the origin is stored or unfillable. */
  readonly frontier: bigint
  readonly rows: bigint
  /** Rows beyond the first of each id. */
  readonly duplicates: bigint
  readonly open: ReadonlyArray<UnfilledGap>
  readonly unfillable: ReadonlyArray<UnfilledGap>
  /** Ids that have no row, and that the ledger does not know as missing. */
  readonly lost: ReadonlyArray<IdRange>
  /** Ids that have a row where the ledger says that there is none. */
  readonly contradicted: bigint
}

/**
 * Compares the ledger with the rows, of every symbol, in one look at the database. It trusts no counter: the rows are counted.
 * It reads every row.
 */
export const completeness: Effect.Effect<
  ReadonlyArray<SymbolCompleteness>,
  SqlError.SqlError,
  SqlClient.SqlClient
> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [ledger] = yield* sql<{ readonly exists: boolean }>`SELECT to_regclass('trade_gaps') IS NOT NULL AS exists`
  if (ledger?.exists !== true) return []
  return yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* oneLook
      const symbols = yield* sql<Promised>`
          SELECT symbol, origin_id AS first, greatest(origin_id, kept_from_id) AS origin, high_id AS high FROM symbols ORDER BY symbol`
      return yield* Effect.forEach(symbols, (promised) => ofSymbol(sql, promised))
    }),
  )
})

interface Promised extends Pick<SymbolCompleteness, "symbol" | "origin" | "high"> {
  /** The first id that there ever was. Rows from here to the origin are of days that retention is about to drop. */
  readonly first: bigint
}

const ofSymbol = Effect.fnUntraced(function* (sql: SqlClient.SqlClient, promised: Promised) {
  const { first, ...range } = promised
  const { high, origin, symbol } = range
  const gaps = yield* sql<UnfilledGap & { readonly state: string }>`
    SELECT greatest(first_id, ${origin}) AS first, last_id AS last, cause, last_error AS "lastError", state
    FROM trade_gaps WHERE symbol = ${symbol} AND state <> 'filled' AND last_id >= ${origin} ORDER BY first_id`
  const [counted] = yield* sql<{ readonly rows: bigint; readonly distinct: bigint; readonly contradicted: bigint }>`
    SELECT coalesce(sum(copies), 0)::bigint AS rows, count(*) AS distinct,
      count(*) FILTER (WHERE id NOT BETWEEN ${origin} AND ${high} OR EXISTS (
        SELECT FROM trade_gaps AS gap
        WHERE gap.symbol = ${symbol} AND gap.state <> 'filled' AND id BETWEEN gap.first_id AND gap.last_id)) AS contradicted
    FROM (SELECT trade_id AS id, count(*) AS copies FROM raw_trades
      WHERE symbol = ${symbol} AND (trade_id >= ${origin} OR trade_id < ${first}) GROUP BY trade_id) AS ids`
  const { contradicted = 0n, distinct = 0n, rows = 0n } = counted ?? {}
  const known = countIds(gaps)
  const lost = distinct + known === high - origin + 1n && contradicted === 0n ? [] : yield* missing(sql, promised)
  const inState = (unfillable: boolean) =>
    gaps.flatMap(({ state, ...gap }) => ((state === "unfillable") === unfillable ? [gap] : []))
  const open = inState(false)
  return {
    ...range,
    frontier: open[0] === undefined ? high : open[0].first - 1n,
    rows,
    duplicates: rows - distinct,
    open,
    unfillable: inState(true),
    lost: without(lost, gaps),
    contradicted,
  }
})

/** The ids from origin to high that have no row. */
const missing = (sql: SqlClient.SqlClient, { high, origin, symbol }: Promised) => sql<IdRange>`
  SELECT previous + 1 AS first, id - 1 AS last
  FROM (
    SELECT id, lag(id, 1, ${origin}::bigint - 1) OVER (ORDER BY id) AS previous
    FROM (
      SELECT DISTINCT trade_id AS id FROM raw_trades WHERE symbol = ${symbol} AND trade_id BETWEEN ${origin} AND ${high}
      UNION ALL SELECT ${high}::bigint + 1
    ) AS stored
  ) AS pairs
  WHERE id > previous + 1 ORDER BY 1`

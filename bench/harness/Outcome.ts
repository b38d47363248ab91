import { Effect } from "effect"
import { type Query } from "../../test/fixtures/service/TestPostgres.ts"
import { publicationDelaySql } from "../contenders/publication.ts"

/** From one moment to another, in µs since the epoch. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** When a batch is closed: at so many trades, or so many milliseconds after its first one. */
export interface Batching {
  readonly batchSize: number
  readonly batchTimeout: number
}

/** Milliseconds; NaN where there was nothing to measure. */
export interface Quantiles {
  readonly p50: number
  readonly p99: number
  readonly p999: number
}

/** What the rows of a database tell of a run. */
export interface Outcome {
  /** How many were committed in the span. */
  readonly committed: number
  /** From publication to commit, of those that were published in the span. */
  readonly latency: Quantiles
  /**
   * From the close of a batch to its commit, at most: of each transaction that was committed in the span, from the earliest moment at which
   * its first batch can have been closed.
   */
  readonly afterClose: Quantiles
  /** The latency of half of those that were published in the last half second. */
  readonly lagAtEnd: number
  /** When the first one was committed, in µs since the epoch. */
  readonly firstCommit: number
}

const HALF_A_SECOND = 500_000

/**
 * Looks at the rows alone, so that every contender is measured by the same clock: PostgreSQL notes when a transaction commits, right before
 * it flushes it, and the time of a trade tells when the simulator published it. No batch can have been closed before its newest trade was
 * published unless its size was reached or its time was over: so the first of these moments bounds from above how long its commit took, also
 * where one transaction has several batches; not where a large one was parted by its symbols.
 */
export const outcomeOf = (query: Query, { from, to }: Span, { batchSize, batchTimeout }: Batching) =>
  Effect.map(
    query(`
      WITH commits AS MATERIALIZED (
        SELECT id, id::text::int8 AS transaction, (date_part('epoch', pg_xact_commit_timestamp(id)) * 1000000)::int8 AS committed
        FROM (SELECT DISTINCT xmin AS id FROM raw_trades) AS transactions
      ), trades AS MATERIALIZED (
        SELECT transaction, committed, matched + ${publicationDelaySql("matched")}::int8 AS published
        FROM (SELECT xmin AS id, (date_part('epoch', timestamp) * 1000000)::int8 AS matched FROM raw_trades) AS stored
        JOIN commits USING (id)
      ), known AS (
        SELECT committed, published, (committed - published) / 1000.0::float8 AS ms FROM trades
      ), closed AS (
        SELECT
          percentile_disc(0.5) WITHIN GROUP (ORDER BY ms) AS p50,
          percentile_disc(0.99) WITHIN GROUP (ORDER BY ms) AS p99,
          percentile_disc(0.999) WITHIN GROUP (ORDER BY ms) AS p999
        FROM (
          SELECT (committed - least(
              max(published),
              min(published) + ${batchTimeout * 1_000},
              min(published) FILTER (WHERE nth = ${batchSize})
            )) / 1000.0::float8 AS ms
          FROM (SELECT *, row_number() OVER (PARTITION BY transaction ORDER BY published) AS nth FROM trades) AS numbered
          WHERE committed BETWEEN ${from} AND ${to} GROUP BY transaction, committed
        ) AS transactions
      )
      SELECT count(*) FILTER (WHERE committed BETWEEN ${from} AND ${to})::int4 AS committed,
        min(committed)::float8 AS first_commit,
        percentile_disc(0.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE published BETWEEN ${from} AND ${to}) AS p50,
        percentile_disc(0.99) WITHIN GROUP (ORDER BY ms) FILTER (WHERE published BETWEEN ${from} AND ${to}) AS p99,
        percentile_disc(0.999) WITHIN GROUP (ORDER BY ms) FILTER (WHERE published BETWEEN ${from} AND ${to}) AS p999,
        percentile_disc(0.5) WITHIN GROUP (ORDER BY ms)
          FILTER (WHERE published BETWEEN ${to - HALF_A_SECOND} AND ${to}) AS lag_at_end,
        (SELECT p50 FROM closed) AS p50_closed, (SELECT p99 FROM closed) AS p99_closed, (SELECT p999 FROM closed) AS p999_closed
      FROM known`),
    ([row = {}]): Outcome => ({
      committed: number(row["committed"]),
      latency: { p50: number(row["p50"]), p99: number(row["p99"]), p999: number(row["p999"]) },
      afterClose: { p50: number(row["p50_closed"]), p99: number(row["p99_closed"]), p999: number(row["p999_closed"]) },
      lagAtEnd: number(row["lag_at_end"]),
      firstCommit: number(row["first_commit"]),
    }),
  )

const number = (value: unknown): number => (value === null || value === undefined ? Number.NaN : Number(value))

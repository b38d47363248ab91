import type { SqlClient } from "effect/sql"

/** Ids that are accounted for twice or never between origin and high, or accounted for outside of them. */
export const wrongIds = (sql: SqlClient.SqlClient) => sql`
  WITH held AS (
    SELECT symbol, trade_id AS id, 1 AS one FROM raw_trades
    UNION ALL
    SELECT symbol, generate_series(first_id, last_id), 1 FROM trade_gaps WHERE state <> 'filled'
  ), promised AS (
    SELECT symbol, generate_series(origin_id, high_id) AS id, 1 AS one FROM symbols
  )
  SELECT symbol, id, count(held.one) AS held, count(promised.one) AS promised
  FROM held FULL JOIN promised USING (symbol, id)
  GROUP BY symbol, id
  HAVING count(held.one) <> 1 OR count(promised.one) <> 1`

import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * What other people made that hangs on the table `raw_trades` and cannot move to another, each by what it is and its name: views, foreign
 * keys, unique indexes, triggers, rules, policies, statistics and publications. Names are read and never looked up, since we may not see what they name.
 */
export const dependents = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ readonly name: string }>`
    WITH trades AS (SELECT oid FROM pg_class WHERE oid = to_regclass('raw_trades')), found AS (
      SELECT DISTINCT 'view ' || nspname || '.' || relname AS name
      FROM pg_rewrite JOIN pg_depend ON objid = pg_rewrite.oid AND classid = 'pg_rewrite'::regclass
      JOIN pg_class ON pg_class.oid = ev_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
      WHERE refobjid = (SELECT oid FROM trades) AND ev_class <> refobjid
      UNION ALL
      SELECT 'foreign key ' || conname || ' of ' || nspname || '.' || relname
      FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid JOIN pg_namespace ON pg_namespace.oid = pg_class.relnamespace
      WHERE confrelid = (SELECT oid FROM trades) AND conparentid = 0
      UNION ALL
      SELECT 'foreign key ' || conname FROM pg_constraint WHERE conrelid = (SELECT oid FROM trades) AND contype = 'f'
      UNION ALL
      SELECT 'unique index ' || relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
      WHERE indrelid = (SELECT oid FROM trades) AND indisunique AND NOT indisprimary
      UNION ALL
      SELECT 'trigger ' || tgname FROM pg_trigger
      WHERE tgrelid = (SELECT oid FROM trades) AND NOT tgisinternal AND tgname NOT LIKE 'ts\\_%'
      UNION ALL
      SELECT 'rule ' || rulename FROM pg_rewrite WHERE ev_class = (SELECT oid FROM trades)
      UNION ALL
      SELECT 'statistics ' || stxname FROM pg_statistic_ext WHERE stxrelid = (SELECT oid FROM trades)
      UNION ALL
      SELECT 'policy ' || polname FROM pg_policy WHERE polrelid = (SELECT oid FROM trades)
      UNION ALL
      SELECT 'publication ' || pubname FROM pg_publication_rel JOIN pg_publication ON pg_publication.oid = prpubid
      WHERE prrelid = (SELECT oid FROM trades)
    )
    SELECT name FROM found ORDER BY 1`
  return rows.map(({ name }) => name)
})

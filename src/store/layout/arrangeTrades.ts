import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { DatabaseUnusable } from "../DatabaseUnusable.ts"
import type { Flavour } from "../Flavour.ts"
import { dependents } from "./dependents.ts"
import { adjustHypertable, isHypertable, makeHypertable } from "./hypertable.ts"
import { makeDefaultPartition, makePartition, makePartitionsAhead, weekOf } from "./partitions.ts"
import { startStep } from "../StartStep.ts"
import { tradesLock } from "./tradesLock.ts"

type Name = Flavour["Service"]["name"]

/** How the rows lie: as the migrations left them, or by time, in partitions of PostgreSQL or in chunks of TimescaleDB. */
type Layout = "table" | "partitions" | "hypertable"

/** Fails where rows have to move and something of somebody else would be lost, or holds them back. */
export const requireMovable = Effect.fnUntraced(function* (flavour: Name) {
  const layout = layoutFor(flavour)
  if ((yield* layoutOf(flavour)) === layout) return
  const names = yield* dependents
  if (names.length === 0) return
  return yield* new DatabaseUnusable({
    message: `The trades have to move into ${called[layout]}, and this of yours cannot move with the table raw_trades: ${names.join(", ")}. Drop it, and create it again after the start. Nothing is changed yet.`,
  })
})

/**
 * Brings `raw_trades` from any layout to the one that the database's flavour has, with all rows. Safe to run again, and by two processes
 * at once. While rows are copied, nobody else reads or writes them.
 */
export const arrangeTrades = Effect.fnUntraced(function* (flavour: Name) {
  const sql = yield* SqlClient.SqlClient
  yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* tradesLock
      if ((yield* layoutOf(flavour)) !== layoutFor(flavour)) yield* move(flavour)
      if (flavour !== "postgresql") yield* adjustHypertable(flavour)
    }),
  )
})

const layoutFor = (flavour: Name) => (flavour === "postgresql" ? "partitions" : "hypertable")

const layoutOf = Effect.fnUntraced(function* (flavour: Name) {
  const sql = yield* SqlClient.SqlClient
  const [partitioned] = yield* sql`SELECT FROM pg_class WHERE oid = to_regclass('raw_trades') AND relkind = 'p'`
  if (partitioned !== undefined) return "partitions" satisfies Layout
  return flavour !== "postgresql" && (yield* isHypertable) ? "hypertable" : "table"
})

/** By way of a new table: a key that holds the time, which both layouts need, means that every row is written again anyway. */
const move = Effect.fnUntraced(function* (flavour: Name) {
  const sql = yield* SqlClient.SqlClient
  yield* startStep(`It moves the stored trades into ${called[layoutFor(flavour)]}; that may take a while.`)
  yield* sql`LOCK TABLE raw_trades IN ACCESS EXCLUSIVE MODE`
  // Everything that is made here belongs to whom the table belongs to.
  yield* sql`SELECT set_config('role', pg_get_userbyid(relowner), TRUE) FROM pg_class WHERE oid = 'raw_trades'::regclass`
  const [row] = yield* sql`SELECT FROM raw_trades LIMIT 1`
  if (row !== undefined) {
    yield* Effect.logInfo(`The stored trades are moved into ${called[layoutFor(flavour)]}; that may take a while`)
  }
  const indexes = yield* sql<{ readonly definition: string }>`
    SELECT replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') AS definition FROM pg_index
    WHERE indrelid = 'raw_trades'::regclass AND NOT indisunique AND indexrelid <> 'raw_trades_symbol_timestamp'::regclass`
  yield* sql`ALTER TABLE raw_trades RENAME TO raw_trades_before`
  // Their names are needed again.
  yield* sql`ALTER TABLE raw_trades_before DROP CONSTRAINT raw_trades_pkey`
  yield* sql`DROP INDEX raw_trades_symbol_timestamp`
  const byTime = flavour === "postgresql" ? "PARTITION BY RANGE (timestamp)" : ""
  yield* sql`
    CREATE TABLE raw_trades (LIKE raw_trades_before INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMMENTS) ${sql.literal(byTime)}`
  if (flavour === "postgresql") {
    yield* makeDefaultPartition
    const weeks = yield* sql<{ readonly week: string }>`
      SELECT DISTINCT to_char(${weekOf(sql)}, 'YYYY-MM-DD') AS week FROM (SELECT timestamp AS time FROM raw_trades_before) AS row`
    yield* Effect.forEach(weeks, ({ week }) => makePartition(week), { discard: true })
  } else {
    yield* makeHypertable(flavour)
  }
  yield* sql`INSERT INTO raw_trades SELECT * FROM raw_trades_before`
  // The key finds a trade by its id, and is a net below the ledger, which alone knows which ids are stored.
  yield* sql`ALTER TABLE raw_trades ADD PRIMARY KEY (symbol, trade_id, timestamp)`
  // For charts and windows: the newest trades of a symbol, and those of a time range.
  yield* sql`CREATE INDEX raw_trades_symbol_timestamp ON raw_trades (symbol, timestamp DESC)`
  yield* sql.unsafe(RIGHTS)
  yield* sql`DROP TABLE raw_trades_before`
  yield* Effect.forEach(indexes, ({ definition }) => sql.unsafe(definition), { discard: true })
  if (flavour === "postgresql") yield* makePartitionsAhead("-infinity")
})

const called = { hypertable: "a hypertable", partitions: "partitions by week" }

/** Whoever could read or write the table before, or columns of it, still can; and what was said of it is. */
const RIGHTS = `
  DO $$ DECLARE given RECORD; BEGIN
    EXECUTE format('COMMENT ON TABLE raw_trades IS %L', obj_description('raw_trades_before'::regclass, 'pg_class'));
    FOR given IN
      SELECT privilege_type, '' AS columns, grantee, is_grantable FROM pg_class, aclexplode(relacl)
      WHERE oid = 'raw_trades_before'::regclass AND grantee <> relowner
      UNION ALL
      SELECT privilege_type, format('(%I)', attname), grantee, is_grantable FROM pg_attribute, aclexplode(attacl)
      WHERE attrelid = 'raw_trades_before'::regclass
    LOOP
      EXECUTE format('GRANT %s %s ON raw_trades TO %s %s', given.privilege_type, given.columns,
        CASE given.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(given.grantee)) END,
        CASE WHEN given.is_grantable THEN 'WITH GRANT OPTION' END);
    END LOOP;
  END $$`

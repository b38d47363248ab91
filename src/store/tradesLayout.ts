import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { enableCompression } from "./compression.ts"
import { DatabaseUnusable } from "./DatabaseUnusable.ts"
import { findFlavour, type Flavour } from "./Flavour.ts"
import { makeDefaultPartition, makePartition, makePartitionsAhead } from "./partitions.ts"
import { tradesLock } from "./tradesLock.ts"

/** How the rows lie: as the migrations left them, or by time, in chunks of TimescaleDB or in partitions of PostgreSQL. */
type Layout = "table" | "hypertable" | "partitions"

/**
 * A day of six busy pairs is 10 to 20 million rows, 2 to 5 GB with its indexes: what the memory of a small server still holds, and 730 of
 * them in two years.
 */
const CHUNK = "1 day"

/**
 * Brings `raw_trades` from any layout to the one that the database's flavour has, with all rows. Safe to run again, and by two processes
 * at once. While rows are copied, nobody else reads or writes them.
 */
export const arrangeTrades = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const flavour = yield* findFlavour
  yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* tradesLock
      const wanted = flavour.name === "postgresql" ? "partitions" : "hypertable"
      if ((yield* layoutOf(flavour)) !== wanted) yield* moveInto(wanted)
      if (flavour.name === "timescaledb-community") yield* enableCompression
    }),
  )
})

const layoutOf = Effect.fnUntraced(function* (flavour: Flavour["Service"]) {
  const sql = yield* SqlClient.SqlClient
  const [partitioned] = yield* sql`SELECT FROM pg_class WHERE oid = to_regclass('raw_trades') AND relkind = 'p'`
  if (partitioned !== undefined) return "partitions"
  if (flavour.name === "postgresql") return "table"
  const [hypertable] = yield* sql`
    SELECT FROM timescaledb_information.hypertables
    WHERE format('%I.%I', hypertable_schema, hypertable_name)::regclass = to_regclass('raw_trades')`
  return hypertable === undefined ? "table" : "hypertable"
})

/** By way of a new table: a key that holds the time, which both layouts need, means that every row is written again anyway. */
const moveInto = Effect.fnUntraced(function* (layout: Exclude<Layout, "table">) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`LOCK TABLE raw_trades IN ACCESS EXCLUSIVE MODE`
  const views = yield* sql<{ readonly name: string }>`
    SELECT DISTINCT ev_class::regclass::text AS name FROM pg_rewrite JOIN pg_depend ON objid = pg_rewrite.oid
    WHERE classid = 'pg_rewrite'::regclass AND refobjid = 'raw_trades'::regclass AND ev_class <> refobjid ORDER BY 1`
  if (views.length > 0) {
    return yield* new DatabaseUnusable({
      message: `The trades have to move into ${called[layout]}, and views of yours read the table where they are: drop ${views.map(({ name }) => name).join(", ")}, and create it again after the start.`,
    })
  }
  const [row] = yield* sql`SELECT FROM raw_trades LIMIT 1`
  if (row !== undefined)
    yield* Effect.logInfo(`The stored trades are moved into ${called[layout]}; that may take a while`)
  yield* sql`ALTER TABLE raw_trades RENAME TO raw_trades_before`
  // Their names are needed again.
  yield* sql`ALTER TABLE raw_trades_before DROP CONSTRAINT IF EXISTS raw_trades_pkey`
  yield* sql`DROP INDEX IF EXISTS raw_trades_symbol_timestamp`
  const byTime = layout === "partitions" ? "PARTITION BY RANGE (timestamp)" : ""
  yield* sql`
    CREATE TABLE raw_trades (LIKE raw_trades_before INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMMENTS) ${sql.literal(byTime)}`
  if (layout === "hypertable") {
    yield* sql`SELECT create_hypertable('raw_trades', by_range('timestamp', ${CHUNK}::interval), create_default_indexes => FALSE)`
  }
  // The key finds a trade by its id, and is a net below the ledger, which alone knows which ids are stored.
  yield* sql`ALTER TABLE raw_trades ADD PRIMARY KEY (symbol, trade_id, timestamp)`
  // For charts and windows: the newest trades of a symbol, and those of a time range.
  yield* sql`CREATE INDEX raw_trades_symbol_timestamp ON raw_trades (symbol, timestamp DESC)`
  if (layout === "partitions") {
    yield* makeDefaultPartition
    const days = yield* sql<{ readonly day: string }>`
      SELECT DISTINCT to_char(timezone('UTC', timestamp), 'YYYY-MM-DD') AS day FROM raw_trades_before`
    yield* Effect.forEach(days, ({ day }) => makePartition(day), { discard: true })
  }
  yield* sql`INSERT INTO raw_trades SELECT * FROM raw_trades_before`
  yield* sql.unsafe(GRANTS)
  yield* sql`DROP TABLE raw_trades_before`
  if (layout === "partitions") yield* makePartitionsAhead("yesterday")
})

const called = { hypertable: "a hypertable", partitions: "partitions by day" }

/** Whoever could read or write the table before still can. */
const GRANTS = `
  DO $$ DECLARE given RECORD; BEGIN
    FOR given IN
      SELECT privilege_type, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS name
      FROM pg_class, aclexplode(relacl) WHERE oid = 'raw_trades_before'::regclass AND grantee <> relowner
    LOOP
      EXECUTE format('GRANT %s ON raw_trades TO %s', given.privilege_type, given.name);
    END LOOP;
  END $$`

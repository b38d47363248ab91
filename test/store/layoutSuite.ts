import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Layer, type Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { readdirSync, readFileSync } from "node:fs"
import { completeness } from "../../src/store/completeness.ts"
import * as Database from "../../src/store/Database.ts"
import { findFlavour, type Flavour } from "../../src/store/Flavour.ts"
import { statements } from "../../src/store/migrations.ts"
import { makePartition, makePartitionsAhead } from "../../src/store/layout/partitions.ts"
import { TradeStore } from "../../src/store/TradeStore.ts"
import { Upkeep } from "../../src/store/Upkeep.ts"
import { tradeOf } from "../fixtures/trades.ts"
import type { WithDatabase } from "./WithDatabase.ts"
import { wrongIds } from "./wrongIds.ts"

const migrations = new URL("../../migrations/", import.meta.url)

/** The tables as the first migrations made them, with trades of three days, a hole, and ids that cannot be had. */
const written = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const files = readdirSync(migrations).sort().slice(0, 3)
  for (const file of files)
    for (const statement of statements(readFileSync(new URL(file, migrations), "utf8"))) yield* sql.unsafe(statement)
  yield* sql`CREATE TABLE fulltape_migrations (
    migration_id integer PRIMARY KEY, created_at timestamptz NOT NULL DEFAULT now(), name text NOT NULL)`
  yield* sql`INSERT INTO fulltape_migrations (migration_id, name) VALUES (1, 'trades'), (2, 'ledger'), (3, 'gap_repair')`
  yield* sql`INSERT INTO stored_market (market) VALUES ('test')`
  yield* sql`INSERT INTO symbols VALUES
    ('BTCUSDT', 'test', 100, 4099, '2024-08-10T00:00:00Z', 100), ('ETHUSDT', 'test', 0, 0, '2031-01-01T00:00:00Z', 0)`
  yield* sql`
    INSERT INTO raw_trades (timestamp, symbol, price, quantity, side, trade_id, buyer_order_id)
    SELECT timestamptz '2024-08-08T20:00:00.000001Z' + (id - 100) * interval '30 seconds', 'BTCUSDT', 60000 + id::numeric / 3, 0.5, 'BUY', id,
      CASE WHEN id % 2 = 0 THEN id END
    FROM generate_series(100, 4099) AS id WHERE id NOT BETWEEN 200 AND 249 AND id <> 3000
    UNION ALL SELECT timestamptz '2031-01-01T00:00:00Z', 'ETHUSDT', 1, 1, 'SELL', 0, NULL`
  yield* sql`
    INSERT INTO trade_gaps (symbol, first_id, last_id, cause, state, last_error, closed_at) VALUES
      ('BTCUSDT', 200, 249, 'not received', 'open', NULL, NULL), ('BTCUSDT', 3000, 3000, 'not received', 'unfillable', 'gone', now())`
})

/** Everything that is stored, as text. */
const everything = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) => sql`
    SELECT 'row' AS kind, to_jsonb(raw_trades)::text AS content FROM raw_trades
    UNION ALL SELECT 'gap', to_jsonb(trade_gaps)::text FROM trade_gaps
    UNION ALL SELECT 'symbol', (to_jsonb(symbols) - 'skip_after')::text FROM symbols ORDER BY 1, 2`,
)

/** Where the rows of a day lie. */
const tablesOf = (day: string) =>
  Effect.flatMap(
    SqlClient.SqlClient,
    (sql) => sql`
      SELECT DISTINCT tableoid::regclass::text AS name FROM raw_trades WHERE timezone('UTC', timestamp)::date = ${day}::date`,
  )

/** How trades lie in the database, and how they come there from every earlier layout, on a real server. */
export const layoutSuite = (
  withDatabase: WithDatabase,
  options: (url: Redacted.Redacted<string>) => {
    url: Redacted.Redacted<string>
    poolMax: number
    timeout: Duration.Duration
  },
  flavour: Flavour["Service"]["name"],
) => {
  const hasTimescale = flavour !== "postgresql"
  const migrated = (url: Redacted.Redacted<string>) => Layer.build(Database.layer({ ...options(url), market: "test" }))
  const start = (url: Redacted.Redacted<string>) => Effect.scoped(migrated(url))
  const store = (url: Redacted.Redacted<string>) =>
    TradeStore.layer({ timeout: options(url).timeout, market: "test", mostMissing: 1_000_000 }).pipe(
      Layer.provideMerge(Database.layer({ ...options(url), market: "test" })),
    )

  const isArranged = Effect.fnUntraced(function* (name: Flavour["Service"]["name"]) {
    const sql = yield* SqlClient.SqlClient
    assert.strictEqual((yield* findFlavour).name, name)
    const tables =
      yield* sql`SELECT relkind, relname FROM pg_class WHERE relname IN ('raw_trades', 'raw_trades_before')`
    assert.deepStrictEqual(tables, [{ relkind: name === "postgresql" ? "p" : "r", relname: "raw_trades" }])
    const indexes = yield* sql<{ readonly indexdef: string }>`
      SELECT regexp_replace(indexdef, '^.* USING btree ', '') AS indexdef FROM pg_indexes WHERE tablename = 'raw_trades' ORDER BY indexname`
    assert.deepStrictEqual(
      indexes.map(({ indexdef }) => indexdef),
      ['(symbol, trade_id, "timestamp")', '(symbol, "timestamp" DESC)'],
    )
    if (name === "postgresql") return
    const hypertables = yield* sql`
      SELECT hypertable_name AS name, time_interval::text AS chunk FROM timescaledb_information.dimensions`
    assert.deepStrictEqual(hypertables, [
      { name: "raw_trades", chunk: name === "timescaledb-community" ? "1 day" : "7 days" },
    ])
  })

  const works = Effect.gen(function* () {
    const { repair } = yield* TradeStore
    const time = Date.UTC(2024, 7, 8, 20, 51) * 1000
    const late = Array.from({ length: 60 }, (_, n) => tradeOf(195 + n, { time: time + n * 30_000_000 }))
    assert.deepInclude(yield* repair(late), { stored: 50, duplicate: 10 })
    assert.deepInclude(
      (yield* completeness).find(({ symbol }) => symbol === "BTCUSDT"),
      { rows: 3999n, duplicates: 0n, open: [], lost: [], contradicted: 0n, frontier: 4099n },
    )
    assert.deepStrictEqual(yield* wrongIds(yield* SqlClient.SqlClient), [])
  })

  describe("the layout of the trades", () => {
    it.live("comes with every row, gap and right when the database is from before it, by three processes at once", () =>
      withDatabase((url) =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          yield* written
          yield* sql`GRANT SELECT ON raw_trades TO PUBLIC`
          yield* sql`GRANT UPDATE (buyer_order_id) ON raw_trades TO PUBLIC`
          yield* sql`COMMENT ON TABLE raw_trades IS 'it''s mine'`
          yield* sql`CREATE INDEX mine ON raw_trades (buyer_order_id) WHERE buyer_order_id IS NOT NULL`
          const before = yield* everything
          yield* Effect.all([start(url), start(url), start(url)], { concurrency: "unbounded" })
          const mine = sql`
            SELECT DISTINCT indrelid::regclass::text AS name FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
            WHERE pg_get_indexdef(indexrelid) LIKE '%(buyer_order_id)%'
              AND indrelid IN (SELECT tableoid FROM raw_trades UNION SELECT 'raw_trades'::regclass)`
          assert.isAtLeast((yield* mine).length, 3)
          yield* sql`DROP INDEX mine`
          yield* isArranged(flavour)
          assert.deepStrictEqual(yield* everything, before)
          const [kept] = yield* sql`
            SELECT obj_description('raw_trades'::regclass) AS comment, has_column_privilege('public', 'raw_trades', 'buyer_order_id', 'UPDATE') AS column`
          assert.deepStrictEqual(kept, { comment: "it's mine", column: true })
          const [grant] = yield* sql`SELECT relacl::text AS acl FROM pg_class WHERE relname = 'raw_trades'`
          assert.match(String(grant?.["acl"]), /[{,]=r\//)
          const [day] = yield* tablesOf("2024-08-09")
          assert.match(String(day?.["name"]), hasTimescale ? /_hyper_\d+_\d+_chunk/ : /^raw_trades_20240805$/)
          yield* Effect.provide(works, store(url))
        }).pipe(Effect.provide(Database.connected(options(url)))),
      ),
    )

    it.live("comes in a schema of one's own, whatever else the database has", () =>
      withDatabase((url) =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const [{ name } = { name: "" }] = yield* sql<{ readonly name: string }>`SELECT current_database() AS name`
          yield* sql`CREATE SCHEMA mine`
          yield* sql`ALTER DATABASE ${sql(name)} SET search_path = mine`
          yield* start(url)
          const tables = yield* sql`
            SELECT nspname AS schema FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE relname = 'raw_trades'`
          assert.deepStrictEqual(tables, [{ schema: "mine" }])
          yield* Effect.provide(
            Effect.flatMap(TradeStore, ({ write }) => write([tradeOf(1)])),
            store(url),
          )
          yield* Effect.flatMap(Upkeep, ({ once }) => once).pipe(
            Effect.provide(Upkeep.layer({ retention: Duration.days(1), compressAfter: Duration.days(1) })),
            Effect.provide(Database.layer({ ...options(url), market: "test" })),
          )
        }).pipe(Effect.provide(Database.connected(options(url)))),
      ),
    )

    it.live("is not changed by a superuser whose tables they are not", () =>
      withDatabase((url) =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          yield* written
          const role = `owner_${process.pid}`
          yield* sql`CREATE ROLE ${sql(role)}`
          yield* sql`ALTER TABLE raw_trades OWNER TO ${sql(role)}`
          const error = yield* Effect.flip(start(url))
          assert.include(error.message, `The tables belong to ${role}`)
          yield* sql`DROP OWNED BY ${sql(role)}`
          yield* sql`DROP ROLE ${sql(role)}`
        }).pipe(Effect.provide(Database.connected(options(url)))),
      ),
    )

    it.live("stays, and what is stored with it, when the service starts again", () =>
      withDatabase((url) =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const layout = sql`SELECT oid::int, relfilenode::int FROM pg_class WHERE relname LIKE 'raw_trades%' ORDER BY 1`
          yield* start(url)
          const before = yield* layout
          yield* start(url)
          assert.deepStrictEqual(yield* layout, before)
        }).pipe(Effect.provide(Database.connected(options(url)))),
      ),
    )

    it.live("is left as it was when a view would be lost", () =>
      withDatabase((url) =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          yield* written
          yield* sql`CREATE VIEW mine AS SELECT count(*) FROM raw_trades`
          const before = yield* everything
          const error = yield* Effect.flip(start(url))
          assert.strictEqual(error._tag, "DatabaseUnusable")
          assert.include(error.message, "with the table raw_trades: view public.mine. Drop it")
          assert.deepStrictEqual(yield* everything, before)
        }).pipe(Effect.provide(Database.connected(options(url)))),
      ),
    )

    it.live.skipIf(!hasTimescale)("becomes a hypertable when the database gains TimescaleDB, with every row", () =>
      withDatabase(
        (url, gain) =>
          Effect.gen(function* () {
            const sql = yield* SqlClient.SqlClient
            yield* written
            const before = yield* everything
            yield* start(url)
            yield* isArranged("postgresql")
            yield* gain
            yield* start(url)
            yield* Effect.provide(
              Effect.gen(function* () {
                yield* isArranged(flavour)
                assert.deepStrictEqual(yield* everything, before)
                yield* works
              }),
              store(url),
            )
            const left = yield* sql`SELECT FROM pg_class WHERE relname LIKE 'raw_trades_2%'`
            assert.deepStrictEqual(left, [])
          }).pipe(Effect.provide(Database.connected(options(url)))),
        { bare: true },
      ),
    )
  })

  describe.skipIf(hasTimescale)("partitions", () => {
    it.live("are there for the next weeks, and take late and future-dated trades that had none", () =>
      withDatabase((url) =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const { write } = yield* TradeStore
          const ahead = yield* sql<{ readonly name: string }>`
            SELECT relname AS name FROM pg_class WHERE relname LIKE 'raw_trades_2_______' AND relkind = 'r' ORDER BY 1`
          const [expected] = yield* sql`
            SELECT array_agg('raw_trades_' || to_char(date_trunc('week', timezone('UTC', now())) + n * interval '7 days', 'YYYYMMDD')) AS names
            FROM generate_series(0, 2) AS n`
          assert.deepStrictEqual(
            ahead.map(({ name }) => name),
            expected?.["names"],
          )
          const at = (id: number, iso: string) => tradeOf(id, { time: Date.parse(iso) * 1000 })
          const trades = [
            at(1, "1999-12-31T23:59:59.999Z"),
            at(2, "2024-02-29T00:00:00Z"),
            at(3, "2024-02-29T23:59:59.999Z"),
            at(4, "2199-01-01T12:00:00Z"),
          ]
          assert.strictEqual((yield* write(trades)).stored, 4)
          const lie = sql`SELECT trade_id::int AS id, tableoid::regclass::text AS name FROM raw_trades ORDER BY 1`
          assert.deepStrictEqual(
            (yield* lie).map(({ name }) => name),
            Array.from({ length: 4 }, () => "raw_trades_default"),
          )
          yield* makePartitionsAhead("2020-01-01")
          assert.deepStrictEqual(yield* lie, [
            { id: 1, name: "raw_trades_default" },
            { id: 2, name: "raw_trades_20240226" },
            { id: 3, name: "raw_trades_20240226" },
            { id: 4, name: "raw_trades_21981231" },
          ])
          // Where the newest trade is, the next week is there as well.
          yield* write([at(5, "2199-01-07T00:00:00Z")])
          assert.deepStrictEqual((yield* lie).at(-1), { id: 5, name: "raw_trades_21990107" })
          assert.deepStrictEqual(yield* wrongIds(sql), [])
        }).pipe(Effect.provide(store(url))),
      ),
    )

    it.live("take a trade that was on its way to the default one when its partition was made", () =>
      withDatabase((url) =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const { write } = yield* TradeStore
          yield* write([tradeOf(1, { time: Date.parse("2199-01-01T00:00:00Z") * 1000 })])
          const waits = sql`SELECT FROM pg_locks WHERE NOT granted AND relation = 'raw_trades_default'::regclass`
          const made = yield* Deferred.make<void>()
          const writing = yield* Effect.forkScoped(
            Effect.andThen(
              Deferred.await(made),
              write([tradeOf(2, { time: Date.parse("2199-01-02T00:00:00Z") * 1000 })]),
            ),
          )
          yield* sql.withTransaction(
            Effect.gen(function* () {
              yield* makePartition("2198-12-31")
              yield* Deferred.succeed(made, undefined)
              yield* Effect.repeat(waits, { until: (rows) => rows.length > 0 })
            }),
          )
          assert.deepInclude(yield* Fiber.join(writing), { stored: 1, quarantined: 0 })
          assert.deepStrictEqual(
            yield* sql`SELECT trade_id::int AS id, tableoid::regclass::text AS name FROM raw_trades ORDER BY 1`,
            [1, 2].map((id) => ({ id, name: "raw_trades_21981231" })),
          )
        }).pipe(Effect.scoped, Effect.provide(store(url))),
      ),
    )
  })
}

import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Metric, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { readFileSync } from "node:fs"
import { CandleStore } from "../../src/store/CandleStore.ts"
import { completeness } from "../../src/store/completeness.ts"
import * as Database from "../../src/store/Database.ts"
import type { Flavour } from "../../src/store/Flavour.ts"
import { statements } from "../../src/store/migrations.ts"
import { MOST_QUARANTINED } from "../../src/store/Quarantine.ts"
import { TradeStore } from "../../src/store/TradeStore.ts"
import * as Metrics from "../../src/telemetry/Metrics.ts"
import { tradeOf } from "../fixtures/trades.ts"
import { candleModelSuite } from "./candleModelSuite.ts"
import { candleSuite } from "./candleSuite.ts"
import { commitSuite } from "./commitSuite.ts"
import { latestPricesSuite } from "./latestPricesSuite.ts"
import { layoutSuite } from "./layoutSuite.ts"
import { upkeepSuite } from "./upkeepSuite.ts"
import type { WithDatabase } from "./WithDatabase.ts"
import { gapLedgerSuite } from "./gapLedgerSuite.ts"
import { assertCandles } from "./storedCandles.ts"
import { ledgerSuite } from "./ledgerSuite.ts"

/** Ids of one hole that are worth filling. */
const MOST_MISSING = 2 ** 53

const FIRST_MIGRATION = new URL("../../migrations/0001_trades.sql", import.meta.url)

/** What every database that Fulltape accepts has to do. `serverUrl` is of a user that may create databases. */
export const storeSuite = (
  serverUrl: () => string,
  { everyInterleaving, flavour }: { readonly everyInterleaving: boolean; readonly flavour: Flavour["Service"]["name"] },
) => {
  let made = 0

  const withDatabase: WithDatabase = (use, { bare } = { bare: false }) =>
    Effect.acquireUseRelease(
      Effect.gen(function* () {
        const name = `fulltape_test_${process.pid}_${made++}`
        const address = new URL(serverUrl())
        // template1 may be in use by workers of an extension.
        yield* run(`CREATE DATABASE ${name} TEMPLATE template0`, address)
        // Whatever a server may have as its defaults must not matter.
        for (const setting of [
          "timezone = 'Asia/Shanghai'",
          "datestyle = 'SQL, DMY'",
          "default_transaction_isolation = 'repeatable read'",
          "synchronous_commit = off",
        ])
          yield* run(`ALTER DATABASE ${name} SET ${setting}`, address)
        address.pathname = `/${name}`
        const gain = flavour === "postgresql" ? Effect.void : run("CREATE EXTENSION timescaledb", address)
        if (!bare) yield* gain
        return { name, gain, url: Redacted.make(address.href) }
      }),
      ({ gain, url }) => use(url, gain),
      ({ name }) => run(`DROP DATABASE ${name} WITH (FORCE)`, new URL(serverUrl())),
    )
  /** Over a connection of its own: one that is older does not know a new extension. */
  const run = (statement: string, { href }: URL) =>
    Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(statement)).pipe(
      Effect.provide(Database.connected(options(Redacted.make(href)))),
      Effect.orDie,
      Effect.asVoid,
    )
  const options = (url: Redacted.Redacted<string>) => ({ url, poolMax: 4, timeout: Duration.seconds(5) })
  const store = (url: Redacted.Redacted<string>, market = "test") =>
    TradeStore.layer({ timeout: Duration.seconds(5), market, mostMissing: MOST_MISSING }).pipe(
      Layer.provideMerge(Database.layer({ ...options(url), market })),
    )

  /** A test with a migrated database of its own. */
  const test = (name: string, body: Effect.Effect<void, unknown, TradeStore | SqlClient.SqlClient>) =>
    it.live(name, () => withDatabase((url) => Effect.provide(body, store(url))))

  /** A quantity that a constraint of the database's owner refuses. */
  const REFUSED = "666.00000000"
  const refuseTheirs = (sql: SqlClient.SqlClient) => sql`ALTER TABLE raw_trades ADD CHECK (quantity <> 666)`

  const rows = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`SELECT * FROM raw_trades ORDER BY symbol, trade_id`)

  describe("TradeStore", () => {
    test(
      "keeps a trade to the last digit and microsecond",
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { write } = yield* TradeStore
        const extreme = tradeOf(2 ** 53 - 1, {
          price: "999999999999.99999999",
          quantity: "0.00000001",
          side: "BUY",
          buyerOrderId: 7,
        })
        assert.deepStrictEqual(yield* write([tradeOf(0), extreme]), {
          stored: 2,
          duplicate: 0,
          quarantined: 0,
          opened: 1,
        })
        const stored = yield* sql`
          SELECT symbol, trade_id, price::text, quantity::text, side, buyer_order_id, seller_order_id,
            (extract(epoch FROM timestamp) * 1000000)::bigint AS time_us
          FROM raw_trades ORDER BY trade_id`
        assert.deepStrictEqual(stored, [
          { symbol: "BTCUSDT", trade_id: 0n, price: "84598.05000000", quantity: "0.00481000", side: "SELL",
            buyer_order_id: null, seller_order_id: null, time_us: 1_791_019_853_440_977n },
          { symbol: "BTCUSDT", trade_id: 2n ** 53n - 1n, price: "999999999999.99999999", quantity: "0.00000001", side: "BUY",
            buyer_order_id: 7n, seller_order_id: null, time_us: 1_791_019_853_440_977n },
        ]) // prettier-ignore
      }),
    )

    test(
      "stores an id once, within a batch and across batches, and counts the rest",
      Effect.gen(function* () {
        const { write } = yield* TradeStore
        assert.deepStrictEqual(yield* write([tradeOf(1), tradeOf(1), tradeOf(2)]), {
          stored: 2,
          duplicate: 1,
          quarantined: 0,
          opened: 0,
        })
        assert.deepStrictEqual(yield* write([tradeOf(2), tradeOf(3)]), {
          stored: 1,
          duplicate: 1,
          quarantined: 0,
          opened: 0,
        })
        assert.strictEqual((yield* rows).length, 3)
      }),
    )

    test(
      "tells of ids that went back although time goes on, and stores none of them",
      Effect.gen(function* () {
        const { write } = yield* TradeStore
        const regressed = Effect.map(Metric.value(Metrics.tradesRegressed), ({ count }) => count)
        const time = tradeOf(0).time
        yield* write([tradeOf(98), tradeOf(100, { time: time - (time % 1000) })])
        // The same trade in microseconds, a late one, and one that was sent again are no regressions.
        yield* write([tradeOf(100), tradeOf(99), tradeOf(98)])
        assert.strictEqual(yield* regressed, 0)
        yield* write([tradeOf(50, { time: time + 5_000_000 }), tradeOf(98, { time: time + 6_000_000 })])
        assert.strictEqual(yield* regressed, 2)
        const aside =
          yield* (yield* SqlClient.SqlClient)`SELECT trade_id, reason FROM quarantined_trades ORDER BY trade_id`
        assert.deepStrictEqual(
          aside.map(({ trade_id }) => trade_id),
          [50n, 98n],
        )
        assert.include(String(aside[0]?.["reason"]), "numbers anew")
        assert.deepStrictEqual(
          (yield* rows).map((row) => row["trade_id"]),
          [98n, 99n, 100n],
        )
      }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())),
    )

    test(
      "keeps the same id of two symbols apart, non-ASCII ones too",
      Effect.gen(function* () {
        const { symbols, write } = yield* TradeStore
        yield* write([tradeOf(5), tradeOf(5, { symbol: "ETHUSDT" }), tradeOf(5, { symbol: "币安人生USDT" })])
        assert.sameMembers([...(yield* symbols)], ["BTCUSDT", "ETHUSDT", "币安人生USDT"])
      }),
    )

    test(
      "sets aside what the table cannot hold, with the reason, and stores the rest of the batch",
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { repair, write } = yield* TradeStore
        yield* refuseTheirs(sql)
        const batch = [
          tradeOf(1),
          tradeOf(2, { price: "1.123456789" }),
          tradeOf(3, { quantity: "1234567890123.0" }),
          tradeOf(4, { price: "not\0a number" }),
          tradeOf(5, { quantity: REFUSED }),
          tradeOf(6, { price: "" }),
          tradeOf(7, { price: "-1.0" }),
          tradeOf(8),
        ]
        assert.deepStrictEqual(yield* write(batch), { stored: 2, duplicate: 0, quarantined: 6, opened: 6 })
        assert.deepStrictEqual(
          (yield* rows).map((row) => row["trade_id"]),
          [1n, 8n],
        )
        const aside = yield* sql<{ trade_id: bigint; price: string; reason: string }>`
          SELECT trade_id, price, reason FROM quarantined_trades ORDER BY trade_id`
        assert.deepStrictEqual(
          aside.map(({ trade_id }) => trade_id),
          [2n, 3n, 4n, 5n, 6n, 7n],
        )
        assert.include(aside[0]?.reason ?? "", "8 decimals")
        assert.include(aside[3]?.reason ?? "", "violates check constraint")
        // A frame may be broken where the trade is not: only what the exchange says when it is asked is final.
        const gaps = sql`
          SELECT first_id, last_id, state FROM trade_gaps WHERE state <> 'filled' ORDER BY first_id`
        const inState = (state: string, ids: ReadonlyArray<bigint>) =>
          ids.map((id) => ({ first_id: id, last_id: id, state }))
        assert.deepStrictEqual(yield* gaps, inState("open", [2n, 3n, 4n, 5n, 6n, 7n]))
        assert.deepStrictEqual(yield* write([tradeOf(2, { price: "1.123456789" })]), {
          stored: 0,
          duplicate: 0,
          quarantined: 1,
          opened: 0,
        })
        const asked = yield* repair([tradeOf(2), ...batch.slice(2, 7)])
        assert.deepStrictEqual(asked, { stored: 1, duplicate: 0, quarantined: 5, opened: 0 })
        assert.deepStrictEqual(yield* gaps, inState("unfillable", [3n, 4n, 5n, 6n, 7n]))
      }),
    )

    test(
      "finds the rows that the database refuses wherever they stand in a batch",
      Effect.gen(function* () {
        const { write } = yield* TradeStore
        yield* refuseTheirs(yield* SqlClient.SqlClient)
        const refused = new Set([0, 17, 63, 64, 99])
        const batch = Array.from({ length: 100 }, (_, id) => tradeOf(id, refused.has(id) ? { quantity: REFUSED } : {}))
        assert.deepStrictEqual(yield* write(batch), { stored: 95, duplicate: 0, quarantined: 5, opened: 5 })
      }),
    )

    it.live("sets a thousand rows aside, each of its statements within DB_TIMEOUT", () =>
      withDatabase((url) =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const hasty = yield* Layer.build(
            TradeStore.layer({ timeout: Duration.seconds(1), market: "test", mostMissing: MOST_MISSING }).pipe(
              Layer.provide(Database.connected(options(url))),
            ),
          )
          yield* sql`ALTER TABLE raw_trades ADD CHECK (quantity <> 666)`
          const batch = Array.from({ length: 1_000 }, (_, id) =>
            tradeOf(id, id % 2 === 0 ? { price: "1.123456789" } : { quantity: "666.00000000" }),
          )
          const writing = Effect.flatMap(TradeStore, ({ write }) => write(batch))
          assert.deepStrictEqual(yield* Effect.provide(writing, hasty), {
            stored: 0,
            duplicate: 0,
            quarantined: 1_000,
            opened: 1_000,
          })
          const [count] = yield* sql`SELECT count(*)::int AS rows FROM quarantined_trades`
          assert.deepStrictEqual(count, { rows: 1_000 })
        }).pipe(Effect.scoped, Effect.provide(store(url))),
      ),
    )

    test(
      "bounds the quarantine: the oldest leave",
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { write } = yield* TradeStore
        yield* sql`INSERT INTO quarantined_trades SELECT 'OLD', id, '', '', 'BUY', 0, '', now() - interval '1 day'
          FROM generate_series(1, ${MOST_QUARANTINED}::int) AS id`
        yield* write([tradeOf(1, { price: "x" }), tradeOf(2, { price: "x" })])
        const [count] = yield* sql<{ total: bigint; fresh: bigint }>`
          SELECT count(*) AS total, count(*) FILTER (WHERE symbol = 'BTCUSDT') AS fresh FROM quarantined_trades`
        assert.deepStrictEqual(count, { total: BigInt(MOST_QUARANTINED), fresh: 2n })
      }),
    )

    test(
      "fails, and sets nothing aside, when the trouble is not in the rows",
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { write } = yield* TradeStore
        yield* sql`ALTER TABLE raw_trades RENAME TO elsewhere`
        assert.deepInclude(yield* Effect.flip(write([tradeOf(1)])), { _tag: "StoreError", code: "42P01" })
        yield* sql`ALTER TABLE elsewhere RENAME TO raw_trades`
        assert.deepStrictEqual(yield* write([tradeOf(1)]), { stored: 1, duplicate: 0, quarantined: 0, opened: 0 })
      }),
    )

    it.live("is stopped by DB_TIMEOUT where the server does not answer", () =>
      withDatabase((url) =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const slow = yield* Layer.build(
            TradeStore.layer({ timeout: Duration.millis(300), market: "test", mostMissing: MOST_MISSING }).pipe(
              Layer.provide(Database.connected(options(url))),
            ),
          )
          const writing = Effect.provide(
            Effect.flatMap(TradeStore, ({ write }) => write([tradeOf(1)])),
            slow,
          )
          const locked = sql`LOCK TABLE raw_trades IN ACCESS EXCLUSIVE MODE`
          const error = yield* sql.withTransaction(Effect.andThen(locked, Effect.flip(writing)))
          assert.include(error.message, "DB_TIMEOUT")
          assert.deepStrictEqual(yield* writing, { stored: 1, duplicate: 0, quarantined: 0, opened: 0 })
        }).pipe(Effect.scoped, Effect.provide(store(url))),
      ),
    )
  })

  describe("Database", () => {
    it.live("has commits wait for the disk whatever the database's default is, unless it is told not to", () =>
      withDatabase((url) =>
        Effect.gen(function* () {
          const used = (synchronousCommit?: "on" | "off") =>
            Effect.flatMap(SqlClient.SqlClient, (sql) => sql`SHOW synchronous_commit`).pipe(
              Effect.provide(
                Database.connected({
                  ...options(url),
                  ...(synchronousCommit === undefined ? {} : { synchronousCommit }),
                }),
              ),
            )
          assert.deepStrictEqual(yield* used(), [{ synchronous_commit: "on" }])
          assert.deepStrictEqual(yield* used("off"), [{ synchronous_commit: "off" }])
        }),
      ),
    )

    it.live("is migrated by several connections at once, and again", () =>
      withDatabase((url) =>
        Effect.gen(function* () {
          const open = Effect.scoped(Layer.build(store(url)))
          yield* Effect.all([open, open, open], { concurrency: "unbounded" })
          yield* open
        }),
      ),
    )

    it.live("refuses a raw_trades table that it did not make, and changes nothing", () =>
      withDatabase((url) =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          yield* sql`CREATE TABLE raw_trades (id serial)`
          const error = yield* Effect.flip(Effect.scoped(Layer.build(store(url))))
          assert.include(error.message, "raw_trades")
          const tables = yield* sql`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`
          assert.deepStrictEqual(tables, [{ tablename: "raw_trades" }])
        }).pipe(Effect.provide(Database.connected(options(url)))),
      ),
    )

    it.live("belongs to the market that filled it first", () =>
      withDatabase((url) =>
        Effect.gen(function* () {
          const writing = Effect.flatMap(TradeStore, ({ write }) => write([tradeOf(1)]))
          yield* Effect.scoped(Layer.build(store(url, "a host that was a mistake")))
          const early = yield* Layer.build(store(url, "binance-spot-testnet"))
          yield* Effect.provide(writing, store(url, "binance-spot"))
          yield* Effect.scoped(Layer.build(store(url, "binance-spot")))
          const late = yield* Effect.flip(Effect.scoped(Layer.build(store(url, "binance-spot-testnet"))))
          assert.include(late.message, "binance-spot-testnet")
          // One that started while the database was still nobody's may not write either.
          assert.strictEqual((yield* Effect.flip(Effect.provide(writing, early)))._tag, "DatabaseUnusable")
          assert.strictEqual((yield* Effect.provide(rows, early)).length, 1)
        }).pipe(Effect.scoped),
      ),
    )

    it.live("says which password, database or address is wrong", () =>
      Effect.gen(function* () {
        const wrong = (change: (url: URL) => void) => {
          const url = new URL(serverUrl())
          change(url)
          return Effect.flip(Effect.scoped(Layer.build(Database.connected(options(Redacted.make(url.href))))))
        }
        const password = yield* wrong((url) => (url.password = "no-such-password"))
        assert.include(password.message, "refused the password")
        assert.notInclude(password.message, "no-such-password")
        const database = yield* wrong((url) => (url.pathname = "/no_such_database"))
        assert.include(database.message, "CREATE DATABASE no_such_database")
      }),
    )
  })

  describe("completeness", () => {
    test(
      "tells what the ledger knows as missing, and until where everything is there",
      Effect.gen(function* () {
        const { repair, write } = yield* TradeStore
        assert.deepStrictEqual(yield* completeness, [])
        yield* write([tradeOf(10), tradeOf(11), tradeOf(14), tradeOf(15, { price: "x" }), tradeOf(20)])
        yield* repair([tradeOf(15, { price: "x" })])
        yield* write([0, 1, 2].map((id) => tradeOf(id, { symbol: "ETHUSDT" })))
        const cause = "not received"
        const [btc, eth] = yield* completeness
        assert.deepStrictEqual(btc, {
          symbol: "BTCUSDT",
          origin: 10n,
          high: 20n,
          frontier: 11n,
          rows: 4n,
          duplicates: 0n,
          open: [
            { first: 12n, last: 13n, cause, lastError: null },
            { first: 16n, last: 19n, cause, lastError: null },
          ],
          unfillable: [
            {
              first: 15n,
              last: 15n,
              cause: "refused",
              lastError: "price x is not a number of at most 12 digits and 8 decimals",
            },
          ],
          lost: [],
          contradicted: 0n,
        })
        assert.deepInclude(eth, { symbol: "ETHUSDT", origin: 0n, high: 2n, frontier: 2n, rows: 3n, open: [], lost: [] })
        yield* write([12, 13, 16, 17, 18, 19].map((id) => tradeOf(id)))
        assert.deepInclude((yield* completeness)[0], { frontier: 20n, rows: 10n, open: [], lost: [], contradicted: 0n })
      }),
    )

    test(
      "sees rows that are gone, twice there, or where the ledger has none",
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { write } = yield* TradeStore
        yield* write([1, 2, 3, 4, 8, 9].map((id) => tradeOf(id)))
        yield* sql`ALTER TABLE raw_trades DROP CONSTRAINT raw_trades_pkey`
        yield* sql`INSERT INTO raw_trades SELECT * FROM raw_trades WHERE trade_id = 2`
        yield* sql`UPDATE raw_trades SET trade_id = 6 WHERE trade_id = 3`
        yield* sql`DELETE FROM raw_trades WHERE trade_id IN (1, 9)`
        assert.deepInclude((yield* completeness)[0], {
          rows: 5n,
          duplicates: 1n,
          lost: [
            { first: 1n, last: 1n },
            { first: 3n, last: 3n },
            { first: 9n, last: 9n },
          ],
          contradicted: 1n,
        })
      }),
    )

    it.live("knows the rows and the holes of a database from before there was a ledger, and gives it candles", () =>
      withDatabase((url) =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          for (const statement of statements(readFileSync(FIRST_MIGRATION, "utf8"))) yield* sql.unsafe(statement)
          yield* sql`CREATE TABLE fulltape_migrations (
            migration_id integer PRIMARY KEY, created_at timestamptz NOT NULL DEFAULT now(), name text NOT NULL)`
          yield* sql`INSERT INTO fulltape_migrations (migration_id, name) VALUES (1, 'trades')`
          yield* sql`INSERT INTO stored_market (market) VALUES ('test')`
          yield* sql`
            INSERT INTO raw_trades SELECT now(), 'BTCUSDT', 1, 1, 'BUY', id FROM generate_series(100, 200) AS id
            WHERE id NOT BETWEEN 120 AND 129 AND id <> 150`
          yield* Effect.scoped(Layer.build(store(url)))
          const [btc] = yield* completeness
          assert.deepInclude(btc, { origin: 100n, high: 200n, frontier: 119n, rows: 90n, lost: [], contradicted: 0n })
          assert.deepStrictEqual(
            btc?.open.map(({ first, last }) => [first, last]),
            [
              [120n, 129n],
              [150n, 150n],
            ],
          )
          yield* Effect.provide(
            Effect.flatMap(CandleStore, ({ refresh }) => refresh),
            CandleStore.layer({ timeout: Duration.seconds(5) }),
          )
          assert.strictEqual((yield* assertCandles)[0]?.trades, 90)
        }).pipe(Effect.provide(Database.connected(options(url)))),
      ),
    )
  })

  if (everyInterleaving) {
    ledgerSuite(withDatabase, options)
    gapLedgerSuite(withDatabase, options)
  }
  commitSuite(withDatabase, options)
  candleSuite(withDatabase, options)
  candleModelSuite(withDatabase, options, everyInterleaving ? 100 : 25)
  latestPricesSuite(withDatabase, options)
  layoutSuite(withDatabase, options, flavour)
  upkeepSuite(withDatabase, options, flavour)
}

import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { eventually } from "../fixtures/service/eventually.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { run, start } from "../fixtures/service/Program.ts"
import { startService } from "../fixtures/service/ServiceProcess.ts"
import { TestPostgres } from "../fixtures/service/TestPostgres.ts"

const inTwos = { concurrency: 2 }

it.layer(TestPostgres.layer, { excludeTestServices: true })("the command", (it) => {
  it.effect("--help lists the commands", () =>
    Effect.gen(function* () {
      const { code, output } = yield* run(["--help"])
      assert.strictEqual(code, 0)
      for (const name of ["serve", "ingest", "migrate", "simulate", "verify", "health"]) {
        assert.match(output, new RegExp(`^ +${name} +[A-Z]`, "m"))
      }
    }),
  )

  it.effect("migrate may run again, and twice at once", () =>
    Effect.gen(function* () {
      const database = yield* (yield* TestPostgres).create
      const migrate = run(["migrate"], { env: { DATABASE_URL: database.url } })
      const both = yield* Effect.all([migrate, migrate], inTwos)
      assert.deepStrictEqual(
        both.map(({ code, errors }) => [code, errors]),
        [
          [0, ""],
          [0, ""],
        ],
      )
      // One of the two made the tables.
      const applied = both.map(({ output }) => output).join("\n")
      assert.lengthOf(applied.match(/Applied migration 1 \(/g) ?? [], 1, applied)
      const [{ n: migrations } = {}] = yield* database.query("SELECT count(*)::int AS n FROM fulltape_migrations")
      const again = yield* migrate
      assert.deepStrictEqual([again.code, again.output], [0, "The database is up to date."])
      const [{ n: still } = {}] = yield* database.query("SELECT count(*)::int AS n FROM fulltape_migrations")
      assert.strictEqual(still, migrations)
    }),
  )

  it.effect("verify exits 1 where there is no database, and makes none", () =>
    Effect.gen(function* () {
      const dataDir = join(tmpdir(), `fulltape-none-${process.pid}`)
      const { code, errors } = yield* run(["verify"], { env: { DATA_DIR: dataDir } })
      assert.strictEqual(code, 1)
      assert.match(errors, /^fulltape: There is no database in .+: set DATA_DIR/)
      assert.isFalse(existsSync(dataDir))
    }),
  )

  it.effect("verify does not look successful when it is interrupted", () =>
    Effect.gen(function* () {
      const database = yield* (yield* TestPostgres).create
      const held = yield* database.connected
      yield* run(["migrate"], { env: { DATABASE_URL: database.url } })
      yield* held("BEGIN")
      yield* held("LOCK TABLE symbols IN ACCESS EXCLUSIVE MODE")
      const verify = yield* start(["verify"], { env: { DATABASE_URL: database.url } })
      yield* eventually(
        "verify waits for the table",
        database.query("SELECT count(*)::int AS waiting FROM pg_locks WHERE NOT granted"),
        ([row]) => row?.["waiting"] === 1,
      )
      yield* verify.signal("SIGINT")
      assert.deepStrictEqual(yield* verify.end("10 seconds"), { code: 130, signal: null })
      yield* held("ROLLBACK")
    }),
  )

  it.effect("verify exits 0 on what the service stored, and 1 with a hole, which it names", () =>
    Effect.gen(function* () {
      const { create } = yield* TestPostgres
      const flags = ["--symbols=BTCUSDT,ETHUSDT", "--rate=2000", "--count=300"]
      const [exchange, database] = yield* Effect.all([startExchange(...flags), create], inTwos)
      const service = yield* startService({ exchange, database })
      yield* service.stored(600)
      yield* service.program.signal("SIGTERM")
      yield* service.program.end()
      const { BTCUSDT, ETHUSDT } = yield* exchange.sent
      const verify = run(["verify"], { env: { DATABASE_URL: database.url } })

      const whole = yield* verify
      assert.deepStrictEqual([whole.code, whole.errors], [0, ""])
      for (const [symbol, sent] of Object.entries({ BTCUSDT, ETHUSDT })) {
        const counts = `${symbol}: ids ${sent?.firstId} to ${sent?.lastId}, complete to ${sent?.lastId}, 300 rows, 0 duplicates, 0 missing, 0 unfillable`
        assert.include(whole.output, counts)
      }

      const first = (BTCUSDT?.firstId ?? 0) + 100
      yield* database.query(
        `DELETE FROM raw_trades WHERE symbol = 'BTCUSDT' AND trade_id BETWEEN ${first} AND ${first + 2}`,
      )
      const holed = yield* verify
      assert.strictEqual(holed.code, 1)
      assert.include(holed.output, "297 rows, 0 duplicates, 3 missing, 0 unfillable")
      assert.include(holed.output, `  lost ${first} to ${first + 2} (3): in no record`)
      assert.strictEqual(holed.errors, "fulltape: 3 trades are missing without a trace.\n")

      yield* database.query(`
        INSERT INTO trade_gaps (symbol, first_id, last_id, cause, state, last_error, closed_at)
        VALUES ('BTCUSDT', ${first}, ${first + 2}, 'for the test', 'unfillable', 'it is gone', now())`)
      const known = yield* verify
      assert.deepStrictEqual([known.code, known.errors], [0, ""])
      assert.include(known.output, `  unfillable ${first} to ${first + 2} (3): it is gone`)
      assert.strictEqual((yield* run(["verify", "--strict"], { env: { DATABASE_URL: database.url } })).code, 1)

      yield* database.query("UPDATE trade_gaps SET state = 'open', closed_at = NULL")
      const open = yield* verify
      assert.strictEqual(open.code, 1)
      assert.strictEqual(open.errors, "fulltape: 3 trades are missing and still to be fetched.\n")
    }),
  )

  it.effect("health exits 0 while the service works, and 1 when it is absent, or with --ready stores nothing", () =>
    Effect.gen(function* () {
      const { create } = yield* TestPostgres
      const [exchange, database] = yield* Effect.all([startExchange("--rate=500"), create], inTwos)
      const service = yield* startService({ exchange, database })
      yield* service.stored(1)
      const health = run(["health", "--url", service.origin])
      const up = yield* health
      assert.strictEqual(up.code, 0, up.errors)
      assert.match(up.output, /is up since .+, running for/)

      yield* exchange.program.signal("SIGKILL")
      yield* eventually("a bad health", service.health, ({ report }) => !report.ready)
      const degraded = yield* health
      assert.strictEqual(degraded.code, 0, degraded.errors)
      assert.strictEqual((yield* run(["health", "--ready", "--url", service.origin])).code, 1)
      assert.match(degraded.output, /What is wrong:\n {2}- No trades of BTCUSDT, ETHUSDT arrive since/)

      yield* service.program.signal("SIGTERM")
      assert.strictEqual((yield* service.program.end()).code, 0)
      const absent = yield* health
      assert.strictEqual(absent.code, 1)
      assert.strictEqual(
        absent.errors,
        `fulltape: Nothing listens at ${service.origin}: start the service, or name it with --url.\n`,
      )
    }),
  )
})

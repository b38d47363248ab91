import { assert, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { createServer } from "node:net"
import { ReadyCheck } from "../../src/api/HealthChecks.ts"
import { statements } from "../../src/store/migrations.ts"
import { eventually } from "../fixtures/service/eventually.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { run } from "../fixtures/service/Program.ts"
import { environmentOf, type ServiceProcess, startedService, STORING } from "../fixtures/service/ServiceProcess.ts"
import { storedCount } from "../fixtures/service/stored.ts"
import { type TestDatabase, TestPostgres } from "../fixtures/service/TestPostgres.ts"

const readCheck = Schema.decodeUnknownEffect(Schema.fromJsonString(ReadyCheck))

const check = (service: ServiceProcess, path: string) =>
  Effect.flatMap(service.get(path), ({ status, text }) =>
    Effect.map(Effect.orDie(readCheck(text)), (body) => ({ ...body, code: status })),
  )

/** Every answer says that it is starting, and what it waits for; gives since when. */
const assertStarting = Effect.fnUntraced(function* (service: ServiceProcess, step: RegExp) {
  yield* service.program.explained(
    eventually("that step", check(service, "/health/ready"), ({ detail }) => step.test(detail)),
  )
  const live = yield* check(service, "/health/live")
  assert.strictEqual(live.code, 200)
  assert.match(live.detail, /^No trade is being stored yet: the service is starting\. /)
  for (const path of ["/health/ready", "/health/db", "/health/binance"]) {
    const { code, detail, status } = yield* check(service, path)
    assert.deepStrictEqual({ code, status }, { code: 503, status: "down" }, path)
    assert.match(detail, step, path)
  }
  const { report, status } = yield* service.health
  assert.strictEqual(status, 200)
  assert.strictEqual(report.status, "degraded")
  assert.strictEqual(report.ready, false)
  assert.lengthOf(report.problems, 1)
  assert.match(report.problems[0] ?? "", step)
  const metrics = yield* service.metrics
  assert.nestedInclude(metrics, { "status.isRunning": false, "status.databaseConnected": false })
  assert.isAbove(metrics.performance.memoryUsage, 0)
  assert.strictEqual(yield* service.sample("fulltape_database_up"), 0)
  assert.isAbove(yield* service.sample("fulltape_uptime_seconds"), 0)
  const { text } = yield* service.get("/metrics", "text/plain")
  assert.match(text, /^fulltape_build_info\{version="[^"]+"\} 1$/m)
  assert.notMatch(service.program.lines.join("\n"), STORING)
  return live.since
})

/** The same server answers that trades are stored, alive since it answered first. */
const assertReady = Effect.fnUntraced(function* (service: ServiceProcess, aliveSince: string) {
  yield* service.stored(100)
  yield* service.program.explained(
    eventually("readiness", service.get("/health/ready"), ({ status }) => status === 200),
  )
  const live = yield* check(service, "/health/live")
  assert.deepStrictEqual({ code: live.code, since: live.since }, { code: 200, since: aliveSince })
  assert.strictEqual((yield* check(service, "/health/db")).code, 200)
  const { report } = yield* service.health
  assert.strictEqual(report.checks.database.flavour, "postgresql")
  assert.strictEqual(yield* service.sample("fulltape_database_up"), 1)
})

const migrations = new URL("../../migrations/", import.meta.url)

/** The trades in one table, as versions before the layout by time left them. */
const oldLayout = Effect.fnUntraced(function* ({ query }: TestDatabase) {
  yield* query(
    "CREATE TABLE fulltape_migrations (migration_id integer PRIMARY KEY, created_at timestamptz NOT NULL DEFAULT now(), name text NOT NULL)",
  )
  const files = readdirSync(migrations).filter((file) => file.endsWith(".sql"))
  for (const file of files.sort()) {
    for (const statement of statements(readFileSync(new URL(file, migrations), "utf8"))) yield* query(statement)
    const [, id, name] = /^(\d+)_(.+)\.sql$/.exec(file) ?? []
    yield* query(`INSERT INTO fulltape_migrations (migration_id, name) VALUES (${id}, '${name}')`)
  }
})

/** Another session that uses the table, so that nothing can be moved, until `COMMIT`. */
const locked = Effect.fnUntraced(function* (database: TestDatabase) {
  const session = yield* database.connected
  yield* session("BEGIN")
  yield* session("LOCK TABLE raw_trades IN ACCESS EXCLUSIVE MODE")
  return session
})

const kindOf = ({ query }: TestDatabase) =>
  Effect.map(query("SELECT relkind FROM pg_class WHERE relname = 'raw_trades'"), ([row]) => row?.["relkind"])

const moving = /is starting\. It moves the stored trades into partitions by week; that may take a while\.$/

/** A port that another program has. */
const takenPort = Effect.acquireRelease(
  Effect.callback<ReturnType<typeof createServer>>((resume) => {
    const server = createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => server.close()),
).pipe(
  Effect.map((server) => {
    const address = server.address()
    return typeof address === "object" && address !== null ? address.port : 0
  }),
)

/** Nothing listens there. */
const nowhere = { url: "postgres://somebody:secret@127.0.0.1:1/trades" }

it.layer(TestPostgres.layer, { excludeTestServices: true })("the start of the service", (it) => {
  const prepared = Effect.flatMap(TestPostgres, ({ create }) =>
    Effect.all({ exchange: startExchange("--symbols=BTCUSDT,ETHUSDT", "--rate=500"), database: create }),
  )

  it.effect("answers while the database is not there yet, and stores trades when it comes", () =>
    Effect.gen(function* () {
      const { database, exchange } = yield* prepared
      const { whileStopped } = yield* TestPostgres
      const { service, since } = yield* whileStopped(
        Effect.gen(function* () {
          const service = yield* startedService({ exchange, database })
          const since = yield* assertStarting(
            service,
            /is starting\. The database at 127\.0\.0\.1:\d+\/test_\d+ cannot be reached: .+ It is asked again for 30 seconds\.$/,
          )
          return { service, since }
        }),
      )
      yield* assertReady(service, since)
    }),
  )

  it.effect("answers while trades wait to be moved, and stores others when they are", () =>
    Effect.gen(function* () {
      const { database, exchange } = yield* prepared
      yield* oldLayout(database)
      const session = yield* locked(database)
      const service = yield* startedService({ exchange, database })
      const since = yield* assertStarting(service, moving)
      assert.strictEqual(yield* kindOf(database), "r")
      yield* session("COMMIT")
      yield* assertReady(service, since)
      assert.strictEqual(yield* kindOf(database), "p")
    }).pipe(Effect.scoped),
  )

  it.effect("ends with 0 on SIGTERM, whatever it waits for", () =>
    Effect.gen(function* () {
      const { database, exchange } = yield* prepared
      yield* oldLayout(database)
      yield* locked(database)
      for (const [service, step] of [
        [yield* startedService({ exchange, database }), moving],
        [yield* startedService({ exchange, database: nowhere }), /cannot be reached/],
      ] as const) {
        yield* assertStarting(service, step)
        yield* service.program.signal("SIGTERM")
        assert.deepStrictEqual(yield* service.program.end("3 seconds"), { code: 0, signal: null })
        assert.strictEqual(service.program.standardError, "")
      }
      assert.strictEqual(yield* kindOf(database), "r")
    }).pipe(Effect.scoped),
  )

  it.effect("ends with 1 and one sentence when the database refuses it, after it has answered", () =>
    Effect.gen(function* () {
      const { database, exchange } = yield* prepared
      yield* oldLayout(database)
      yield* database.query("INSERT INTO stored_market (market) VALUES ('binance-spot')")
      yield* database.query("INSERT INTO raw_trades VALUES (now(), 'BTCUSDT', 1, 1, 'BUY', 1)")
      const session = yield* locked(database)
      const service = yield* startedService({ exchange, database })
      yield* assertStarting(service, moving)
      yield* session("COMMIT")
      assert.deepStrictEqual(yield* service.program.end(), { code: 1, signal: null })
      const errors = service.program.lines.filter((line) => line.includes(`"level":"error"`))
      assert.lengthOf(errors, 1)
      assert.match(errors[0] ?? "", /"The database holds trades of binance-spot, /)
      assert.strictEqual(yield* storedCount(database), 1)
    }).pipe(Effect.scoped),
  )

  it.effect("names a port that is taken before it asks the database", () =>
    Effect.gen(function* () {
      const exchange = yield* startExchange("--symbols=BTCUSDT,ETHUSDT")
      const PORT = String(yield* takenPort)
      const { code, output } = yield* run([], { env: environmentOf({ exchange, database: nowhere, env: { PORT } }) })
      assert.strictEqual(code, 1)
      assert.include(output, `Port ${PORT} on 127.0.0.1 is taken by another program: stop it or set PORT.`)
      assert.notInclude(output, "The database")
    }).pipe(Effect.scoped),
  )
})

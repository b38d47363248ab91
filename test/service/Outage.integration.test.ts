import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { join } from "node:path"
import { temporaryFolder } from "../fixtures/embeddedDatabase.ts"
import { filesIn } from "../fixtures/spill.ts"
import { eventually } from "../fixtures/service/eventually.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { run } from "../fixtures/service/Program.ts"
import { environmentOf, startService } from "../fixtures/service/ServiceProcess.ts"
import { assertSentIsStored, storedCount } from "../fixtures/service/stored.ts"
import { TestPostgres } from "../fixtures/service/TestPostgres.ts"

it.layer(TestPostgres.layer, { excludeTestServices: true })("a database that stops and starts under load", (it) => {
  it.effect("costs no trade, and the service says what is wrong as long as it lasts", () =>
    Effect.gen(function* () {
      const { create, whileStopped } = yield* TestPostgres
      const count = 40_000
      const [exchange, database] = yield* Effect.all(
        [startExchange("--symbols=DOGEUSDT,LTCUSDT", "--rate=20000", `--count=${count}`), create],
        { concurrency: 2 },
      )
      const service = yield* startService({
        exchange,
        database,
        symbols: ["DOGEUSDT", "LTCUSDT"],
        env: { BATCH_SIZE: "1000" },
      })
      yield* service.stored(1_000)
      assert.strictEqual((yield* service.health).status, 200)

      yield* whileStopped(
        Effect.gen(function* () {
          const { report, status } = yield* eventually("a bad health", service.health, ({ report }) => !report.ready)
          assert.deepStrictEqual([status, report.status], [200, "degraded"])
          assert.strictEqual((yield* service.get("/health/ready")).status, 503)
          assert.strictEqual((yield* service.get("/health/live")).status, 200)
          assert.strictEqual(report.checks.database.status, "down")
          assert.deepStrictEqual([report.checks.pipeline.status, report.checks.binance.status], ["up", "up"])
          assert.match(report.problems[0] ?? "", /^The database does not answer: .+ as soon as it does\.$/)
          yield* service.program.line(/The database does not take trades \(.+\)\. They wait on disk/)
          // Nothing waits for the database: all that the exchange has goes to disk meanwhile.
          yield* eventually("the end of the stream", service.received, (received) => received === 2 * count)
          const { report: away } = yield* eventually("trades on disk", service.health, ({ report }) => {
            return report.uncommitted.trades === report.spill.trades && report.spill.bytes > 0
          })
          assert.strictEqual(away.checks.spill.status, "degraded")
          const stored = (yield* service.metrics).status.totalTrades
          assert.strictEqual(away.spill.trades, 2 * count - stored)
          assert.isAbove(away.uncommitted.oldestSeconds, 0)
          assert.match(away.problems[1] ?? "", /^\d+ trades wait on disk/)
        }),
      )

      yield* service.stored(2 * count, "30 seconds")
      yield* service.program.line(/The database takes trades again/)
      yield* assertSentIsStored(exchange, database)
      yield* eventually("a good health", service.health, ({ report }) => report.status === "up")
      assert.strictEqual((yield* exchange.state).opened, 1)
      const { performance, status } = yield* service.metrics
      assert.deepStrictEqual([performance.reconnectionCount, status.bufferSize], [0, 0])
      assert.strictEqual(status.totalTrades, 2 * count)
      assert.isAbove(performance.errorCount, 0)
      assert.strictEqual(yield* service.sample("fulltape_trades_repaired_total"), 0)
      assert.isTrue(service.program.isRunning)
    }),
  )

  it.effect("costs no trade when the process dies meanwhile: the next one commits what waits on disk", () =>
    Effect.gen(function* () {
      const { create, whileStopped } = yield* TestPostgres
      const [exchange, database, dataDir] = yield* Effect.all(
        [startExchange("--symbols=DOGEUSDT", "--rate=5000", "--count=10000"), create, temporaryFolder],
        { concurrency: 3 },
      )
      // Without REST, what the disk loses is lost.
      const options = {
        exchange: { wsUrl: exchange.wsUrl },
        database,
        symbols: ["DOGEUSDT"],
        env: { DATA_DIR: dataDir, BATCH_TIMEOUT: "50" },
      }
      const first = yield* startService(options)
      yield* first.stored(1_000)
      yield* whileStopped(
        Effect.gen(function* () {
          yield* eventually("the end of the stream", first.received, (received) => received === 10_000)
          yield* eventually("nothing in memory", first.sample("fulltape_uncommitted_trades"), (trades) => trades === 0)
          yield* first.program.stop("SIGKILL")
        }),
      )
      const second = yield* startService(options)
      yield* eventually("all trades", storedCount(database), (count) => count === 10_000)
      yield* assertSentIsStored(exchange, database)
      yield* second.program.signal("SIGTERM")
      assert.deepStrictEqual(yield* second.program.end("10 seconds"), { code: 0, signal: null })
      assert.deepStrictEqual(filesIn(join(dataDir, "spill")), [])
    }),
  )

  it.effect("does not keep the process from stopping: the open batch goes to disk", () =>
    Effect.gen(function* () {
      const { create, whileStopped } = yield* TestPostgres
      const [exchange, database] = yield* Effect.all(
        [startExchange("--symbols=DOGEUSDT", "--rate=5000", "--count=5000"), create],
        { concurrency: 2 },
      )
      const service = yield* startService({ exchange, database, symbols: ["DOGEUSDT"] })
      yield* service.stored(500)
      yield* whileStopped(
        Effect.gen(function* () {
          yield* service.program.signal("SIGTERM")
          assert.deepStrictEqual(yield* service.program.end("10 seconds"), { code: 0, signal: null })
        }),
      )
    }),
  )

  it.effect("keeps trades of another database or market from being mixed in", () =>
    Effect.gen(function* () {
      const { create, whileStopped } = yield* TestPostgres
      const [exchange, database, other, dataDir] = yield* Effect.all(
        [startExchange("--symbols=DOGEUSDT", "--rate=2000"), create, create, temporaryFolder],
        { concurrency: 4 },
      )
      const options = { exchange, database, symbols: ["DOGEUSDT"], env: { DATA_DIR: dataDir } }
      const first = yield* startService(options)
      yield* first.stored(100)
      yield* whileStopped(
        Effect.andThen(
          eventually("trades on disk", first.sample("fulltape_spill_trades"), (trades) => trades > 0),
          first.program.stop("SIGKILL"),
        ),
      )
      const refused = yield* run([], { env: environmentOf({ ...options, database: other }) })
      assert.strictEqual(refused.code, 1)
      assert.match(refused.output, /The spill in .+ holds \d+ trades of 127\.0\.0\.1 for another database or market/)
    }),
  )
})

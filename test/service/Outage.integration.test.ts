import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { eventually } from "../fixtures/service/eventually.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { startService } from "../fixtures/service/ServiceProcess.ts"
import { assertSentIsStored } from "../fixtures/service/stored.ts"
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
          const { report } = yield* eventually("a bad health", service.health, ({ status }) => status === 503)
          assert.strictEqual(report.status, "down")
          assert.strictEqual(report.checks.database.status, "down")
          assert.deepStrictEqual([report.checks.pipeline.status, report.checks.binance.status], ["up", "up"])
          assert.lengthOf(report.problems, 1)
          assert.match(report.problems[0] ?? "", /^The database does not answer: .+ as soon as it does\.$/)
          yield* service.program.line(/The database does not take trades \(.+\)\. They wait here/)
          // Nothing takes the trades, so nothing reads them: first they wait in the buffers of the sockets, then with the
          // exchange, and here no more of them.
          const twice = Effect.all([service.received, Effect.delay(service.received, "200 millis")])
          const [received] = yield* eventually("an end of the reading", twice, ([one, two]) => one === two)
          const waiting = yield* service.metrics
          yield* eventually("an exchange that waits", exchange.state, ({ connections: [ours] }) => {
            assert.isDefined(ours, "the connection stays")
            return (ours?.unsentBytes ?? 0) > 0
          })
          assert.strictEqual(yield* service.received, received)
          const { performance, status } = yield* service.metrics
          assert.isAbove(status.bufferSize, 0)
          assert.strictEqual(status.bufferSize, waiting.status.bufferSize)
          assert.isBelow(performance.memoryUsage - waiting.performance.memoryUsage, 64 * 1024 * 1024)
        }),
      )

      yield* service.stored(2 * count, "30 seconds")
      yield* service.program.line(/The database takes trades again/)
      yield* assertSentIsStored(exchange, database)
      yield* eventually("a good health", service.health, ({ status }) => status === 200)
      assert.strictEqual((yield* exchange.state).opened, 1)
      const { performance, status } = yield* service.metrics
      assert.deepStrictEqual([performance.reconnectionCount, status.bufferSize], [0, 0])
      assert.strictEqual(status.totalTrades, 2 * count)
      assert.isAbove(performance.errorCount, 0)
      assert.isTrue(service.program.isRunning)
    }),
  )
})

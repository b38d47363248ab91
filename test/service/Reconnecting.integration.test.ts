import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { createServer } from "node:net"
import { eventually } from "../fixtures/service/eventually.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { environmentOf, startService } from "../fixtures/service/ServiceProcess.ts"
import { run } from "../fixtures/service/Program.ts"
import { assertValuesAreEqual, storedCount, storedRuns } from "../fixtures/service/stored.ts"
import { TestPostgres } from "../fixtures/service/TestPostgres.ts"

/** A port that nothing listens at. */
const deadPort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

it.layer(TestPostgres.layer, { concurrent: true, excludeTestServices: true })("a lost exchange", (it) => {
  it.effect("is reconnected within 5 s, however the connection ended, and what was missed is fetched", () =>
    Effect.gen(function* () {
      const { create } = yield* TestPostgres
      const [exchange, database] = yield* Effect.all([startExchange("--rate=1000"), create], { concurrency: 2 })
      const service = yield* startService({ exchange, database, env: { BATCH_TIMEOUT: "100" } })
      yield* service.stored(200)
      const losses = [
        [{ kind: "drop" }],
        [{ kind: "drop", midFrame: true }],
        [{ kind: "drop", reset: true }],
        [{ kind: "close", code: 1001 }],
        // down for longer than the first attempts: the fifth finds it
        [{ kind: "refuse", status: 503, for: "2 seconds" }, { kind: "drop" }],
      ]
      for (const [index, faults] of losses.entries()) {
        yield* exchange.inject(faults)
        const { faults: done } = yield* eventually("the loss", exchange.state, ({ faults }) => faults.pending === 0)
        const lostAt = Date.parse(done.happened.at(-1)?.time ?? "")
        yield* eventually("a new connection", exchange.state, ({ opened }) => opened === index + 2)
        const reconnectedAt = Date.now()
        assert.isBelow(reconnectedAt - lostAt, 5_000, JSON.stringify(faults))
        // it goes on storing
        const stored = yield* storedCount(database)
        yield* eventually("more trades", storedCount(database), (count) => count > stored + 50, "5 seconds")
      }
      const { performance, status } = yield* service.metrics
      assert.isAtLeast(performance.reconnectionCount, losses.length)
      assert.strictEqual(yield* service.sample("fulltape_trades_duplicate_total"), 0)
      assert.isAtLeast(yield* storedCount(database), status.totalTrades)
      const runs = yield* eventually("no hole is left", storedRuns(database), (runs) =>
        Object.values(runs).every((of) => of.length === 1),
      )
      assert.isAbove(Object.keys(runs).length, 1)
      yield* service.program.signal("SIGTERM")
      yield* service.program.end("10 seconds")
      yield* assertValuesAreEqual(exchange, database)
    }),
  )

  it.effect("that refuses the location is told apart, with what to set instead", () =>
    Effect.gen(function* () {
      const { create } = yield* TestPostgres
      const restricted = [
        { kind: "refuse", status: 451, for: "1 hour" },
        { kind: "rest", status: 451, for: "1 hour" },
      ]
      const [exchange, database] = yield* Effect.all(
        [startExchange(`--faults=${JSON.stringify(restricted)}`), create],
        {
          concurrency: 2,
        },
      )
      const service = yield* startService({ exchange, database })
      yield* service.program.line(
        /^(?!.*could not be checked).*refuses this location \(HTTP 451\)\. Set BINANCE_WS_URL=wss:\/\/data-stream\.binance\.vision\/ws/,
      )
      yield* service.program.line(
        /could not be checked: .* refuses this location \(HTTP 451\)\. Set .*BINANCE_REST_URL=https:\/\/data-api\.binance\.vision/,
      )
      const { report, status } = yield* service.health
      assert.deepStrictEqual([status, report.status, report.ready], [200, "degraded", false])
      assert.include(report.problems.join(), "HTTP 451")
    }),
  )

  it.effect("whose REST host alone is out of reach does not keep trades from being stored", () =>
    Effect.gen(function* () {
      const { create } = yield* TestPostgres
      const [{ wsUrl }, database, port] = yield* Effect.all([startExchange("--rate=500"), create, deadPort], {
        concurrency: 3,
      })
      const service = yield* startService({ exchange: { wsUrl, restUrl: `http://127.0.0.1:${port}` }, database })
      yield* service.program.line(
        /"level":"warn","message":"The symbols could not be checked: 127\.0\.0\.1:\d+ cannot be/,
      )
      yield* service.stored(100)
      assert.strictEqual((yield* service.health).status, 200)
    }),
  )

  it.effect("that is not there is dialled again and again, and `npm run demo` is named", () =>
    Effect.gen(function* () {
      const { create } = yield* TestPostgres
      const [database, port] = yield* Effect.all([create, deadPort])
      const exchange = { wsUrl: `ws://127.0.0.1:${port}/ws` }
      const service = yield* startService({ exchange, database, env: { MAX_RECONNECT_ATTEMPTS: "0" } })
      yield* service.program.line(
        /cannot be reached \(.+\)\. Trying again\. \(`npm run demo` runs without the exchange/,
      )
      yield* service.program.line(/No REST host is known for BINANCE_WS_URL/)
      yield* eventually(
        "three attempts",
        service.sample('fulltape_failed_dials_total{cause="unreachable"}'),
        (count) => count >= 3,
        "5 seconds",
      )
      assert.strictEqual((yield* service.metrics).performance.reconnectionCount, 0)
      const { report, status } = yield* service.health
      assert.deepStrictEqual([status, report.status, report.ready], [200, "degraded", false])
      assert.deepStrictEqual([report.checks.database.status, report.checks.binance.status], ["up", "down"])
      assert.isTrue(service.program.isRunning)
    }),
  )

  it.effect("that stays away ends the process when MAX_RECONNECT_ATTEMPTS are used up", () =>
    Effect.gen(function* () {
      const { create } = yield* TestPostgres
      const [database, port] = yield* Effect.all([create, deadPort])
      const exchange = { wsUrl: `ws://127.0.0.1:${port}/ws` }
      const env = environmentOf({ exchange, database, env: { MAX_RECONNECT_ATTEMPTS: "1" } })
      const { code, errors, program } = yield* run([], { env })
      assert.strictEqual(code, 1)
      const said = program.lines.filter((line) => line.includes(`"level":"error"`))
      assert.lengthOf(said, 1)
      assert.match(said[0] ?? "", /Gave up on the exchange after 1 reconnect attempt.*MAX_RECONNECT_ATTEMPTS=1/)
      assert.strictEqual(errors, "")
    }),
  )
})

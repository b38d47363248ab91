import { assert, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { eventually } from "../fixtures/service/eventually.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { startService } from "../fixtures/service/ServiceProcess.ts"
import { TestPostgres } from "../fixtures/service/TestPostgres.ts"

const symbols = ["BTCUSDT", "ETHUSDT"]

const underLoad = Effect.fnUntraced(function* (rate: number, env: Readonly<Record<string, string>> = {}) {
  const { create } = yield* TestPostgres
  const [exchange, database] = yield* Effect.all(
    [startExchange(`--symbols=${symbols.join(",")}`, `--rate=${rate}`), create],
    { concurrency: 2 },
  )
  const service = yield* startService({ exchange, database, symbols, env })
  yield* service.stored(rate / 4)
  return { exchange, database, service }
})

const Stamped = Schema.fromJsonString(Schema.Struct({ timestamp: Schema.String }))

const timeOf = ({ timestamp }: { readonly timestamp: string }) => Date.parse(timestamp)

it.layer(TestPostgres.layer, { excludeTestServices: true })("target", (it) => {
  it.effect("1,000 trades a second, sustained", () =>
    Effect.gen(function* () {
      const { exchange, service } = yield* underLoad(2_000)
      const first = yield* service.metrics
      yield* service.stored(first.status.totalTrades + 7_000)
      // By its own number too, which counts the start in for 10 s.
      const last = yield* eventually(
        "1,000 trades a second",
        service.metrics,
        ({ performance }) => performance.tradesPerSecond >= 1_000,
      )
      const seconds = (timeOf(last) - timeOf(first)) / 1000
      assert.isAtLeast((last.status.totalTrades - first.status.totalTrades) / seconds, 1_000)
      // It keeps up: what the exchange sent is stored but for the last second's.
      const { sentTrades } = yield* exchange.state
      assert.isBelow(sentTrades - (yield* service.metrics).status.totalTrades, 2_000)
      assert.strictEqual(last.performance.errorCount + last.performance.reconnectionCount, 0)
      // Its own number is so: it counts from between the start of the process and the first line that HTTP logs.
      const listening = yield* Effect.orDie(
        Schema.decodeUnknownEffect(Stamped)(yield* service.program.line(/Listening on/)),
      )
      assert.isAtLeast(last.performance.tradesPerSecond, (last.status.totalTrades / last.status.uptime) * 0.99)
      const atMost = last.status.totalTrades / Math.min(10, (timeOf(last) - timeOf(listening)) / 1000)
      assert.isAtMost(last.performance.tradesPerSecond, atMost * 1.01)
    }),
  )

  it.effect("100 ms a message, from the wire to the commit", () =>
    Effect.gen(function* () {
      const { database, exchange, service } = yield* underLoad(1_000, { BATCH_SIZE: "1000", BATCH_TIMEOUT: "20" })
      // From outside: how long until the newest trade that was sent can be read from the database.
      const query = yield* database.connected
      const waits: Array<number> = []
      for (let sample = 0; sample < 11; sample++) {
        yield* Effect.sleep("150 millis")
        const newest = (yield* exchange.sent)["BTCUSDT"]?.lastId ?? Number.NaN
        const sentAt = performance.now()
        const isThere = Effect.map(
          query(`SELECT FROM raw_trades WHERE symbol = 'BTCUSDT' AND trade_id = ${newest}`),
          (rows) => rows.length === 1,
        )
        yield* Effect.repeat(isThere, { until: (met) => met }).pipe(Effect.timeout("2 seconds"))
        waits.push(performance.now() - sentAt)
      }
      assert.isBelow(waits.toSorted((a, b) => a - b)[5] ?? Number.NaN, 100, `median of ${waits.map(Math.round)}`)
      // From inside, over every trade of the last 10 seconds: those of the start, when everything is compiled, leave the window.
      yield* eventually(
        "an average latency below 100 ms",
        service.metrics,
        ({ performance: { averageLatency } }) => averageLatency > 0 && averageLatency < 100,
        "25 seconds",
      )
    }),
  )

  it.effect("512 MB of memory, at 5,000 trades a second", () =>
    Effect.gen(function* () {
      const { service } = yield* underLoad(5_000)
      let most = 0
      yield* eventually(
        "20,000 trades stored",
        Effect.tap(service.metrics, ({ performance }) =>
          Effect.sync(() => (most = Math.max(most, performance.memoryUsage))),
        ),
        ({ status }) => status.totalTrades >= 20_000,
      )
      assert.isBelow(most, 512 * 1024 * 1024)
      assert.isAbove(most, 32 * 1024 * 1024)
    }),
  )
})

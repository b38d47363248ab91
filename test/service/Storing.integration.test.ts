import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { eventually } from "../fixtures/service/eventually.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { startService } from "../fixtures/service/ServiceProcess.ts"
import { assertSentIsStored, assertValuesAreEqual, storedCount } from "../fixtures/service/stored.ts"
import { TestPostgres } from "../fixtures/service/TestPostgres.ts"

const addresses = ["/ws", "/stream"] as const

const startAll = Effect.fnUntraced(function* (
  address: (typeof addresses)[number],
  symbols: ReadonlyArray<string>,
  ...flags: ReadonlyArray<string>
) {
  const { create } = yield* TestPostgres
  const [exchange, database] = yield* Effect.all([startExchange(`--symbols=${symbols.join(",")}`, ...flags), create], {
    concurrency: 2,
  })
  const wsUrl = address === "/ws" ? exchange.wsUrl : exchange.streamUrl
  const service = yield* startService({ exchange: { ...exchange, wsUrl }, database, symbols })
  return { exchange, database, service }
})

it.layer(TestPostgres.layer, { excludeTestServices: true })("what is stored", (it) => {
  for (const address of addresses) {
    it.effect(`is everything that ${address} sent, once, with values equal to the last digit`, () =>
      Effect.gen(function* () {
        const { database, exchange, service } = yield* startAll(
          address,
          ["BTCUSDT", "ETHUSDT"],
          "--rate=4000",
          "--count=1500",
        )
        yield* service.stored(3_000)
        yield* assertSentIsStored(exchange, database)
        yield* assertValuesAreEqual(exchange, database)
        // what the service tells of itself is so
        const { performance, status } = yield* service.metrics
        assert.strictEqual(status.totalTrades, yield* storedCount(database))
        assert.strictEqual(status.bufferSize, 0)
        assert.deepStrictEqual(
          [status.isRunning, status.binanceConnected, status.databaseConnected],
          [true, true, true],
        )
        assert.deepStrictEqual([performance.errorCount, performance.reconnectionCount], [0, 0])
        assert.isAbove(performance.averageLatency, 0)
        assert.isAbove(performance.batchProcessingTime, 0)
        assert.strictEqual(status.totalBatches, yield* service.sample("fulltape_batches_total"))
      }),
    )

    it.effect(`is every real trade of ${address}, whatever bad frames come between, without a disconnect`, () =>
      Effect.gen(function* () {
        const malformed = ["truncated", "missingKey", "notJson", "binary"].map((variant) => ({
          kind: "malformed",
          variant,
        }))
        const texts = ["[]", "null", '{"stream":"btcusdt@trade","data":7'].map((text) => ({ kind: "malformed", text }))
        const others = [
          { kind: "malformed", variant: "emptyPrice" },
          { kind: "foreign", variant: "event" },
          { kind: "foreign", variant: "symbol" },
          { kind: "repeat", ids: 40, symbol: "BTCUSDT" },
          { kind: "reorder", ids: 20, symbol: "ETHUSDT" },
        ]
        // Twice: in the middle of the load, and again when frames of the same read surround them.
        const faults = [300, 900].flatMap((afterTrades) =>
          [...malformed, ...texts, ...others].map((fault) => Object.assign({ afterTrades }, fault)),
        )
        const { database, exchange, service } = yield* startAll(
          address,
          ["BTCUSDT", "ETHUSDT"],
          "--rate=2000",
          "--count=1000",
          `--faults=${JSON.stringify(faults)}`,
        )
        yield* service.stored(2_000)
        yield* eventually("all faults", exchange.state, ({ faults }) => faults.pending === 0)
        yield* assertSentIsStored(exchange, database)
        yield* assertValuesAreEqual(exchange, database)
        assert.strictEqual((yield* exchange.state).opened, 1)
        const { performance } = yield* service.metrics
        assert.strictEqual(performance.reconnectionCount, 0)
        const counted = (kind: string) => service.sample(`fulltape_frames_total{kind="${kind}"}`)
        assert.strictEqual(yield* counted("malformed"), 2 * (malformed.length + texts.length))
        assert.strictEqual(yield* counted("foreign"), 2 * 2)
        // Repair may have fetched one that came late, which is then there twice too.
        assert.isAtLeast(yield* service.sample("fulltape_trades_duplicate_total"), 2 * 40)
        // A trade without a price is set aside, and the real one with its id is not harmed.
        assert.strictEqual(yield* service.sample("fulltape_trades_quarantined_total"), 2)
        const [aside] = yield* database.query("SELECT count(*)::int AS n, min(reason) AS why FROM quarantined_trades")
        assert.isAtLeast(Number(aside?.["n"]), 1)
        assert.match(String(aside?.["why"]), /^price {2}is not a number/)
        assert.strictEqual(performance.errorCount, 2 * (malformed.length + texts.length + 1))
      }),
    )
  }

  it.effect("keeps apart the same ids of three symbols, beyond 32 bits, one of them named in Chinese", () =>
    Effect.gen(function* () {
      // The simulator gives these the same rate, so from one epoch on their ids run side by side.
      const symbols = ["DOGEUSDT", "LTCUSDT", "币安人生USDT"]
      const startId = 5_000_000_000
      const { database, exchange, service } = yield* startAll(
        "/ws",
        symbols,
        `--start-id=${startId}`,
        "--epoch=now",
        "--rate=4500",
        "--count=1500",
      )
      yield* service.stored(4_500)
      yield* assertSentIsStored(exchange, database)
      yield* assertValuesAreEqual(exchange, database)
      assert.sameMembers(Object.keys(yield* exchange.sent), symbols)
      const [shared] = yield* database.query(
        `SELECT count(*)::int AS n, min(trade_id)::text AS lowest FROM (
           SELECT trade_id FROM raw_trades GROUP BY trade_id HAVING count(DISTINCT symbol) = 3) AS colliding`,
      )
      assert.isAbove(Number(shared?.["n"]), 0)
      assert.isAtLeast(Number(shared?.["lowest"]), startId)
    }),
  )
})

import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Layer, Metric, Schedule, Stream } from "effect"
import * as BinanceFeed from "../../../src/feed/binance/BinanceFeed.ts"
import { type ConnectionStatus, TradeFeed } from "../../../src/feed/TradeFeed.ts"
import { readFaults } from "../../../src/simulator/faults/readFaults.ts"
import { Simulator } from "../../../src/simulator/Simulator.ts"
import * as totals from "../../../src/telemetry/totals.ts"
import * as Metrics from "../../../src/telemetry/Metrics.ts"
import { consecutive, until } from "../../simulator/TestClient.ts"

/** Those that are never silent for a second at this rate. */
const symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT"]

/** A feed from a simulator with about 1,000 trades a second, with a consumer that keeps the ids, by symbol. */
const running = Effect.fnUntraced(function* (faults: string, rotateAfter: Duration.Duration) {
  const simulators = yield* Layer.build(Simulator.layer({ rate: 1_000, symbols, faults: readFaults(faults) }))
  const simulator = yield* Effect.provide(Simulator, simulators)
  const feeds = yield* Layer.build(
    BinanceFeed.layer({ wsUrl: new URL(simulator.wsUrl), maxReconnectAttempts: 3, rotateAfter }),
  )
  const feed = yield* Effect.provide(TradeFeed, feeds)
  const stop = yield* Deferred.make<void>()
  const ids = new Map<string, Array<number>>(symbols.map((symbol) => [symbol, []]))
  const fiber = yield* feed.trades(symbols, Deferred.await(stop)).pipe(
    Stream.runForEach(({ id, symbol }) => Effect.sync(() => ids.get(symbol)?.push(id))),
    Effect.forkScoped,
  )
  let last: ConnectionStatus | undefined
  yield* Effect.forkScoped(
    Effect.forever(
      Effect.delay(
        Effect.map(feed.connections, ([status]) => (last = status)),
        "5 millis",
      ),
    ),
  )
  return {
    simulator,
    feed,
    rotations: () => last?.rotations ?? 0,
    status: () => last,
    count: () => symbols.reduce((sum, symbol) => sum + (ids.get(symbol)?.length ?? 0), 0),
    /** Stops, and gives the ids of each symbol. */
    finish: Effect.gen(function* () {
      yield* Deferred.succeed(stop, undefined)
      yield* Fiber.join(fiber)
      return ids
    }),
  }
})

const assertComplete = (ids: ReadonlyMap<string, ReadonlyArray<number>>) => {
  for (const [symbol, all] of ids) {
    assert.isAbove(all.length, 10, symbol)
    assert.deepStrictEqual(all, consecutive(all[0] ?? 0, all.length), symbol)
  }
}

describe("rotation against an exchange that ends connections", () => {
  it.live("replaces every connection before its end, with no id missing, none twice, and no reconnect", () =>
    Effect.gen(function* () {
      const reconnects = yield* totals.reconnections
      const { count, finish, rotations, simulator, status } = yield* running(
        `[{"kind":"lifetime","after":"4 seconds"}]`,
        Duration.seconds(2),
      )
      for (const target of [2, 4, 6]) yield* until("rotations", () => rotations() >= target)
      assertComplete(yield* finish)
      assert.isAbove(count(), 8_000)
      assert.deepInclude(status(), { state: "connected", reconnects: 0 })
      assert.strictEqual(yield* totals.reconnections, reconnects)
      const { opened } = yield* simulator.state
      assert.isAtLeast(opened, 7)
      assert.isAtMost(opened, 8)
    }),
  )

  it.live("is gone from a connection before the exchange closes it, when that is announced", () =>
    Effect.gen(function* () {
      const before = (yield* Metric.value(Metrics.rotations.shutdown)).count
      const { count, finish, rotations, simulator, status } = yield* running("[]", Duration.hours(1))
      for (const time of [1, 2, 3]) {
        yield* until("trades", () => count() > time * 500)
        yield* simulator.inject(readFaults(`[{"kind":"serverShutdown","connections":1,"closeAfter":"3 seconds"}]`))
        yield* until("a rotation", () => rotations() === time)
      }
      assertComplete(yield* finish)
      assert.deepInclude(status(), { reconnects: 0, rotations: 3, lastLoss: undefined })
      assert.strictEqual((yield* Metric.value(Metrics.rotations.shutdown)).count - before, 3)
    }),
  )

  it.live("replaces a connection that has gone silent, without waiting for it", () =>
    Effect.gen(function* () {
      const { count, feed, finish, rotations, simulator, status } = yield* running("[]", Duration.hours(1))
      yield* until("trades", () => count() > 1_000)
      yield* simulator.inject(readFaults(`[{"kind":"silence","for":"1 minute","connections":1}]`))
      yield* until("silence", () => Date.now() - (status()?.lastFrameAt ?? Date.now()) > 200)
      const stalledAt = count()
      yield* feed.renew("BTCUSDT")
      yield* until("a rotation", () => rotations() === 1)
      yield* until("trades", () => count() > stalledAt + 5_200)
      yield* Effect.repeat(simulator.state, {
        until: ({ connections }) => connections.every(({ id }) => id === 2),
        schedule: Schedule.spaced("10 millis"),
      })
      // What the exchange withheld is missing, in one run for each symbol; nothing else is, and nothing is there twice.
      const steps = [...(yield* finish).values()].map((all) => all.slice(1).map((id, index) => id - (all[index] ?? 0)))
      for (const each of steps) {
        assert.isAtMost(each.filter((step) => step !== 1).length, 1)
        assert.isAtLeast(Math.min(...each), 1)
      }
      assert.isAbove(Math.max(...steps.flat()), 1)
      assert.deepInclude(status(), { state: "connected", reconnects: 0, rotations: 1 })
    }),
  )
})

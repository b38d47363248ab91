import { assert } from "@effect/vitest"
import { Deferred, Duration, Effect, Layer, Metric, Stream } from "effect"
import { layerNoDeps } from "../../../src/feed/binance/BinanceFeed.ts"
import { DialBudget } from "../../../src/feed/binance/DialBudget.ts"
import { TradeFeed } from "../../../src/feed/TradeFeed.ts"
import * as Metrics from "../../../src/telemetry/Metrics.ts"
import { DrivenExchange } from "../../fixtures/DrivenExchange.ts"
import { elapse, settle } from "../../fixtures/elapse.ts"

/** A feed that rotates every hour, with a consumer that keeps the ids, by symbol. */
export const running = Effect.fnUntraced(function* (
  symbols: ReadonlyArray<string> = ["BTCUSDT"],
  options: { readonly maxReconnectAttempts?: number; readonly perTrade?: Effect.Effect<void> } = {},
) {
  const exchange = new DrivenExchange()
  const context = yield* Layer.build(
    layerNoDeps({
      wsUrl: new URL("ws://exchange/ws"),
      maxReconnectAttempts: options.maxReconnectAttempts ?? 0,
      rotateAfter: Duration.hours(1),
    }).pipe(Layer.provide([exchange.layer, DialBudget.layer])),
  )
  const feed = yield* Effect.provide(TradeFeed, context)
  const stop = yield* Deferred.make<void>()
  const out = new Map<string, Array<number>>()
  const fiber = yield* feed.trades(symbols, Deferred.await(stop)).pipe(
    Stream.runForEach(({ id, symbol }) => {
      const ids = out.get(symbol)
      if (ids === undefined) out.set(symbol, [id])
      else ids.push(id)
      return options.perTrade ?? Effect.void
    }),
    Effect.forkScoped,
  )
  yield* settle
  return {
    exchange,
    feed,
    fiber,
    stop: Deferred.succeed(stop, undefined),
    ids: (symbol = "BTCUSDT") => out.get(symbol) ?? [],
    status: Effect.map(feed.connections, ([connection]) => {
      assert.isDefined(connection)
      return connection
    }),
  }
})

/** Until the next rotation is due. */
export const anHour = elapse("1 hour", "30 minutes")
/** `first, first + 1, …, last` */
export const from = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index)

/** What the counters of connections move by from now on. */
export const counted = Effect.gen(function* () {
  const counters = {
    age: Metrics.rotations.age,
    shutdown: Metrics.rotations.shutdown,
    stalled: Metrics.rotations.stalled,
    failures: Metrics.rotationFailures,
    refused: Metrics.failedDials.Refused,
    lost: Metrics.reconnects.Closed,
  }
  const all = Effect.all({
    age: Metric.value(counters.age),
    shutdown: Metric.value(counters.shutdown),
    stalled: Metric.value(counters.stalled),
    failures: Metric.value(counters.failures),
    refused: Metric.value(counters.refused),
    lost: Metric.value(counters.lost),
  })
  const before = yield* all
  return Effect.map(all, (after) => ({
    age: after.age.count - before.age.count,
    shutdown: after.shutdown.count - before.shutdown.count,
    stalled: after.stalled.count - before.stalled.count,
    failures: after.failures.count - before.failures.count,
    refused: after.refused.count - before.refused.count,
    lost: after.lost.count - before.lost.count,
  }))
})

export const none = { age: 0, shutdown: 0, stalled: 0, failures: 0, refused: 0, lost: 0 }

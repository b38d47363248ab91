import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { ConnectionStatuses } from "../../src/feed/ConnectionStatuses.ts"

describe("ConnectionStatuses", () => {
  it.effect("remember since when a connection is lost, however often it is dialled", () =>
    Effect.gen(function* () {
      const statuses = new ConnectionStatuses()
      const one = Effect.map(statuses.all, ([status]) => status)
      yield* statuses.open("binance-1", "exchange", ["BTCUSDT"])
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* one, { state: "connecting", disconnectedAt: 0 })
      yield* statuses.connected("binance-1", 100)
      assert.deepInclude(yield* one, { state: "connected", since: 1_000, disconnectedAt: undefined })
      yield* TestClock.adjust("1 second")
      yield* statuses.lost("binance-1", "it is gone", true)
      for (const state of ["connecting", "waiting", "connecting"] as const) {
        yield* TestClock.adjust("5 seconds")
        yield* statuses.enter("binance-1", state)
      }
      assert.deepInclude(yield* one, { state: "connecting", since: 17_000, disconnectedAt: 2_000, reconnects: 1 })
      yield* statuses.connected("binance-1", 100)
      assert.deepInclude(yield* one, { since: 17_000, disconnectedAt: undefined })
    }),
  )
})

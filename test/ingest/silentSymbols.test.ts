import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import type { ConnectionStatus } from "../../src/feed/TradeFeed.ts"
import { Rhythm } from "../../src/ingest/Rhythm.ts"
import { watchSilentSymbols } from "../../src/ingest/silentSymbols.ts"
import { elapse } from "../fixtures/elapse.ts"
import { tradeOf } from "../fixtures/trades.ts"

const connected = (since: number): ConnectionStatus => ({
  name: "binance-1",
  host: "exchange",
  state: "connected",
  since: 1_791_019_853_000,
  sinceMonotonic: since,
  disconnectedAt: undefined,
  symbols: ["BTCUSDT", "ETHUSDT", "XRPUSDT"],
  lastFrameAt: undefined,
  reconnects: 0,
  rotations: 0,
  nextRotationAt: undefined,
  lastLoss: undefined,
})

describe("watchSilentSymbols", () => {
  it.effect("asks about a symbol once after each connect, if it stays silent for 30 s", () =>
    Effect.gen(function* () {
      const probed: Array<string> = []
      const rhythm = new Rhythm()
      let status = connected(0)
      const fiber = yield* Effect.forkChild(
        watchSilentSymbols({
          connections: Effect.sync(() => [status]),
          rhythm,
          probe: (symbol) => Effect.sync(() => probed.push(symbol)),
        }),
      )
      rhythm.note([tradeOf(1)], 10_000)
      yield* elapse("29 seconds", "1 second")
      assert.deepStrictEqual(probed, [])
      yield* elapse("10 seconds", "1 second")
      assert.deepStrictEqual(probed, ["ETHUSDT", "XRPUSDT"])
      yield* elapse("5 minutes", "1 second")
      assert.deepStrictEqual(probed, ["ETHUSDT", "XRPUSDT"])

      // Lost, and back: what happened meanwhile is not known, of the symbol that traded before neither.
      status = { ...connected(400_000), state: "waiting" }
      yield* elapse("2 minutes", "1 second")
      status = connected(460_000)
      rhythm.note([tradeOf(2, { symbol: "XRPUSDT" })], 470_000)
      yield* elapse("2 minutes", "1 second")
      assert.deepStrictEqual(probed.slice(2), ["BTCUSDT", "ETHUSDT"])
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.effect("tells the first connection from later ones", () =>
    Effect.gen(function* () {
      const starts: Array<boolean> = []
      let status = connected(0)
      const fiber = yield* Effect.forkChild(
        watchSilentSymbols({
          connections: Effect.sync(() => [status]),
          rhythm: new Rhythm(),
          probe: (_, isStart) => Effect.sync(() => starts.push(isStart)),
        }),
      )
      yield* elapse("1 minute", "1 second")
      assert.deepStrictEqual(starts, [true, true, true])
      status = { ...connected(60_000), reconnects: 1 }
      yield* elapse("1 minute", "1 second")
      assert.deepStrictEqual(starts, [true, true, true, false, false, false])
      yield* Fiber.interrupt(fiber)
    }),
  )
})

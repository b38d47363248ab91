import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import fc from "fast-check"
import { LatestPrices } from "../../src/store/LatestPrices.ts"
import { tradeOf } from "../fixtures/trades.ts"

const opened = (stored: Parameters<typeof LatestPrices.layerFrom>[0] = []) =>
  Effect.runSync(Effect.scoped(Effect.provide(LatestPrices, Layer.fresh(LatestPrices.layerFrom(stored)))))

describe("LatestPrices", () => {
  it("is the highest id of each symbol, in whatever order commits come, and tells each change once", () => {
    const trade = fc.record({
      symbol: fc.constantFrom("BTCUSDT", "ETHUSDT", "币安人生USDT"),
      id: fc.integer({ min: 0, max: 20 }),
    })
    fc.assert(
      fc.property(fc.array(fc.array(trade, { maxLength: 5 }), { maxLength: 20 }), (commits) => {
        const prices = opened([{ symbol: "BTCUSDT", price: "7.00000000", id: 7, time: 7 }])
        const highest = new Map([["BTCUSDT", 7]])
        const told = new Map<string, number>()
        let revision = 0
        for (const commit of commits) {
          prices.committed(commit.map(({ id, symbol }) => tradeOf(id, { symbol, price: `${id}.00000000`, time: id })))
          for (const { id, symbol } of commit) highest.set(symbol, Math.max(id, highest.get(symbol) ?? -1))
          const changes = Effect.runSync(prices.changes(revision))
          for (const { id, symbol } of changes.prices) {
            assert.isAbove(id, told.get(symbol) ?? -1)
            told.set(symbol, id)
          }
          revision = changes.revision
          assert.deepStrictEqual(Effect.runSync(prices.changes(revision)).prices, [])
        }
        const all = Effect.runSync(prices.all)
        assert.deepStrictEqual(new Map(all.map(({ id, symbol }) => [symbol, id])), highest)
        for (const price of all) {
          assert.deepStrictEqual([price.price, price.time], [`${price.id}.00000000`, price.id])
          assert.deepStrictEqual(Effect.runSync(prices.get(price.symbol)), price)
        }
        if (commits.length > 0) assert.deepStrictEqual(told, highest)
      }),
    )
  })

  it("knows nothing of a symbol without a stored trade", () => {
    assert.strictEqual(Effect.runSync(opened().get("BTCUSDT")), undefined)
  })
})

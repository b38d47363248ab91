import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { TradeBacklog } from "../../src/ingest/TradeBacklog.ts"
import { tradeOf } from "../fixtures/trades.ts"

describe("TradeBacklog", () => {
  it("hands over every trade in order or counts it as lost before the next ones, and never holds more than it may", () => {
    const step = fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constant("take" as const))
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(step, { maxLength: 40 }), (most, steps) => {
        const backlog = new TradeBacklog(most, undefined)
        let [added, next] = [0, 0]
        const take = () => {
          const seen = backlog.take()
          if (seen === undefined) return assert.strictEqual(next, added)
          assert.isAtMost(seen.trades.length, most)
          assert.strictEqual(seen.lost, Math.max(0, added - next - most))
          next += seen.lost
          for (const { id } of seen.trades) assert.strictEqual(id, next++)
          assert.strictEqual(next, added)
        }
        for (const step of steps) {
          if (step === "take") take()
          else backlog.add(Array.from({ length: step }, () => tradeOf(added++)))
        }
        take()
      }),
    )
  })

  it("holds and counts only what is wanted", () => {
    const backlog = new TradeBacklog(2, new Set(["ETHUSDT"]))
    assert.isFalse(backlog.add([tradeOf(1), tradeOf(2)]))
    assert.strictEqual(backlog.take(), undefined)
    for (const id of [3, 4, 5]) assert.isTrue(backlog.add([tradeOf(id), tradeOf(id, { symbol: "ETHUSDT" })]))
    const seen = backlog.take()
    assert.deepStrictEqual(
      [seen?.lost, seen?.trades.map(({ id, symbol }) => `${symbol} ${id}`)],
      [1, ["ETHUSDT 4", "ETHUSDT 5"]],
    )
  })
})

import { assert, describe, it } from "@effect/vitest"
import { flooredTrades, lateTrades } from "../../../src/simulator/faults/partialTrades.ts"
import { aggregateTrades, historicalTrades } from "../../../src/simulator/protocol/tradeEndpoints.ts"
import { type SymbolTrades } from "../../../src/simulator/source/MarketSource.ts"
import { makeSyntheticMarket } from "../../../src/simulator/source/SyntheticMarket.ts"

const epoch = Date.UTC(2026, 0, 1) * 1000
const now = epoch + 3_600_000_000
const market = makeSyntheticMarket({
  seed: "partial",
  symbols: ["BTCUSDT"],
  rate: 10,
  epoch,
  startId: 1_000,
  count: undefined,
  atSubscribe: true,
})
const whole = market.symbols.get("BTCUSDT")
assert(whole !== undefined)
const newest = whole.newest(now) ?? 0

const ask = (endpoint: typeof aggregateTrades, trades: SymbolTrades, query: Record<string, string>) => {
  const symbols = new Map([["BTCUSDT", trades]])
  const answer = endpoint({
    query: new URLSearchParams({ symbol: "BTCUSDT", limit: "1000", ...query }),
    symbols,
    now,
    micros: true,
  })
  assert("value" in answer)
  return answer.value.map((row): Record<string, unknown> => Object.fromEntries(Object.entries(Object(row))))
}

describe("partial trades", () => {
  it("start at the floor, in whole aggregates, wherever it lies", () => {
    for (let floor = newest - 60; floor <= newest; floor++) {
      const floored = flooredTrades(whole, floor)
      const rows = ask(historicalTrades, floored, { fromId: "1" })
      assert.deepStrictEqual([rows[0]?.["id"], rows.length], [floor, newest - floor + 1])
      const expected = ask(aggregateTrades, whole, {}).filter(({ f }) => Number(f) >= floor)
      for (const query of [{}, { fromId: "1" }, { startTime: String(epoch) }]) {
        assert.deepStrictEqual(ask(aggregateTrades, floored, query), expected)
      }
      assert.deepStrictEqual(ask(aggregateTrades, floored, { endTime: String(epoch + 1_000_000) }), [])
    }
    assert.strictEqual(ask(historicalTrades, flooredTrades(whole, 1), { fromId: "1" })[0]?.["id"], 1_000)
  })

  it("end before the newest ones, in whole aggregates, or are none", () => {
    for (let ids = 1; ids <= 60; ids++) {
      const late = lateTrades(whole, ids)
      assert.strictEqual(ask(historicalTrades, late, { fromId: String(newest - 100) }).length, 101 - ids)
      const from = { startTime: String(now - 60_000_000) }
      const expected = ask(aggregateTrades, whole, from).filter(({ l }) => Number(l) <= newest - ids)
      assert.deepStrictEqual(ask(aggregateTrades, late, from), expected)
    }
    assert.deepStrictEqual(ask(historicalTrades, lateTrades(whole, newest), { fromId: "1" }), [])
    assert.deepStrictEqual(ask(historicalTrades, lateTrades(flooredTrades(whole, newest - 5), 6), {}), [])
  })
})

import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { lanesOf } from "../../src/ingest/lanes.ts"
import { tradeOf } from "../fixtures/trades.ts"

const run = (symbol: string, count: number) => Array.from({ length: count }, (_, id) => tradeOf(id, { symbol }))

const keyOf = ({ id, symbol }: { readonly id: number; readonly symbol: string }) => `${symbol} ${id}`

describe("lanesOf", () => {
  it("leaves a batch of 1,000 as it is, and a larger one of one symbol whole", () => {
    const batch = [...run("BTCUSDT", 600), ...run("ETHUSDT", 400)]
    assert.deepStrictEqual(lanesOf(batch), [batch])
    const long = run("BTCUSDT", 2_500)
    assert.deepStrictEqual(lanesOf(long), [long])
  })

  it("cuts between two symbols, where the parts are the most alike", () => {
    const [one, other] = lanesOf([...run("ADAUSDT", 100), ...run("BTCUSDT", 900), ...run("ETHUSDT", 700)])
    assert.deepStrictEqual([one.length, other?.length], [1_000, 700])
    const [first, second] = lanesOf([...run("BTCUSDT", 2_000), ...run("ETHUSDT", 1)])
    assert.deepStrictEqual([first.length, second?.length], [2_000, 1])
  })

  it("has every trade once, and no symbol in both, whatever the order", () => {
    const symbols = ["A", "B", "C", "D", "E"]
    const batch = fc
      .tuple(fc.array(fc.nat(800), { minLength: 5, maxLength: 5 }), fc.nat(4_000))
      .map(([counts, turn]) => {
        const trades = symbols.flatMap((symbol, index) => run(symbol, counts[index] ?? 0))
        return [...trades.slice(turn), ...trades.slice(0, turn)]
      })
    fc.assert(
      fc.property(batch, (trades) => {
        const [one, other = []] = lanesOf(trades)
        assert.deepStrictEqual([...one, ...other].map(keyOf).toSorted(), trades.map(keyOf).toSorted())
        const inOne = new Set(one.map(({ symbol }) => symbol))
        assert.isFalse(other.some(({ symbol }) => inOne.has(symbol)))
        assert.strictEqual(
          other.length > 0,
          trades.length > 1_000 && new Set(trades.map(({ symbol }) => symbol)).size > 1,
        )
      }),
    )
  })
})

import { assert, describe, it } from "@effect/vitest"
import { joinGaps } from "../../src/store/joinGaps.ts"

const gap = (first: number, last: number, symbol = "A", attempts = 1) => ({ symbol, first, last, attempts, until: "" })
const runs = (...gaps: ReadonlyArray<ReturnType<typeof gap>>) =>
  joinGaps(gaps).map(({ first, last, symbol }) => [symbol, first, last])

describe("joinGaps", () => {
  it("joins neighbours that fit into fewer pages", () => {
    assert.deepStrictEqual(runs(gap(20, 30), gap(0, 9), gap(500, 999)), [["A", 0, 999]])
    assert.deepStrictEqual(runs(gap(0, 999), gap(1_500, 1_999)), [
      ["A", 1_500, 1_999],
      ["A", 0, 999],
    ])
    assert.deepStrictEqual(runs(gap(0, 0), gap(1_000, 1_000)), [
      ["A", 0, 0],
      ["A", 1_000, 1_000],
    ])
  })

  it("joins hundreds of runs into the pages that they need, and no two symbols", () => {
    const many = Array.from({ length: 500 }, (_, n) => gap(n * 50, n * 50 + 9, n % 2 === 0 ? "A" : "B"))
    const joined = joinGaps(many)
    assert.isAtMost(joined.length, 52)
    for (const { first, last, symbol } of many)
      assert.isTrue(joined.some((one) => one.symbol === symbol && one.first <= first && last <= one.last))
  })

  it("gives the smallest first, and the attempts of the one that failed most", () => {
    assert.deepStrictEqual(runs(gap(0, 5_000), gap(9_000, 9_001), gap(0, 9, "B")), [
      ["A", 9_000, 9_001],
      ["B", 0, 9],
      ["A", 0, 5_000],
    ])
    assert.strictEqual(joinGaps([gap(0, 1, "A", 3), gap(3, 4, "A", 7)])[0]?.attempts, 7)
  })
})

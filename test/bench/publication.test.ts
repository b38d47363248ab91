import { assert, describe, it } from "@effect/vitest"
import { publicationDelay } from "../../bench/contenders/publication.ts"
import { makeOrderTimes } from "../../src/simulator/source/OrderTimes.ts"

describe("publicationDelay", () => {
  it("is the one of the simulated market, at any rate", () => {
    const delays = [50, 5_000, 50_000].flatMap((rate) => {
      const times = makeOrderTimes(7, 1.79e15, rate)
      return Array.from({ length: 2_000 }, (_, index) => {
        const [matched, published] = [times.matchedAt(index * 3), times.publishedAt(index * 3)]
        assert.strictEqual(publicationDelay(matched), published - matched)
        return published - matched
      })
    })
    assert.isAbove(new Set(delays).size, 100)
  })
})

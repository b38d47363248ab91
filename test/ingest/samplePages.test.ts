import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import fc from "fast-check"
import { type IdPage, samplePages } from "../../src/ingest/samplePages.ts"

const sampled = (first: number, last: number, samples: number, seed: string | number = "seed") =>
  Effect.runSync(Random.withSeed(samplePages(first, last, samples), seed))

const sizeOf = ({ first, last }: IdPage) => last - first + 1

describe("samplePages", () => {
  it("takes every id once where the samples suffice", () => {
    assert.deepStrictEqual(sampled(7, 7, 10), [{ first: 7, last: 7 }])
    assert.deepStrictEqual(sampled(0, 999, 1), [{ first: 0, last: 999 }])
    assert.deepStrictEqual(sampled(100, 2_599, 3), [
      { first: 100, last: 1_099 },
      { first: 1_100, last: 2_099 },
      { first: 2_100, last: 2_599 },
    ])
    assert.deepStrictEqual(sampled(5, 4, 10), [])
  })

  it("takes the newest page where there is one sample only", () =>
    assert.deepStrictEqual(sampled(0, 1_000, 1), [{ first: 1, last: 1_000 }]))

  it("takes first and last page, and full ones between that never overlap", () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 40 }),
        fc.integer({ min: 1, max: 50_000 }),
        fc.integer({ min: 2, max: 40 }),
        fc.integer(),
        (first, ids, samples, seed) => {
          const last = first + ids - 1
          const pages = sampled(first, last, samples, seed)
          assert.lengthOf(pages, Math.min(samples, Math.ceil(ids / 1_000)))
          assert.strictEqual(pages[0]?.first, first)
          assert.strictEqual(pages.at(-1)?.last, last)
          for (const [n, page] of pages.entries()) {
            assert.isAbove(page.first, pages[n - 1]?.last ?? -1)
            if (n < pages.length - 1) assert.strictEqual(sizeOf(page), 1_000)
          }
        },
      ),
    ))

  it("chooses by the seed, and reaches every place between", () => {
    assert.deepStrictEqual(sampled(0, 1_000_000, 5, 1), sampled(0, 1_000_000, 5, 1))
    assert.notDeepEqual(sampled(0, 1_000_000, 5, 1), sampled(0, 1_000_000, 5, 2))
    const starts = Array.from({ length: 300 }, (_, seed) => sampled(0, 3_009, 3, seed)[1]?.first ?? -1)
    assert.deepStrictEqual(
      [...new Set(starts)].toSorted((a, b) => a - b),
      [1_000, 1_001, 1_002, 1_003, 1_004, 1_005, 1_006, 1_007, 1_008, 1_009, 1_010],
    )
  })
})

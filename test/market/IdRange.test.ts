import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { countIds, type IdRange, joined, without } from "../../src/market/IdRange.ts"

/** Ranges from the ids of a set, and back. */
const rangesOf = (ids: ReadonlySet<number>): ReadonlyArray<IdRange> => {
  const ranges: Array<IdRange> = []
  for (const id of [...ids].toSorted((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last !== undefined && last.last === BigInt(id) - 1n) ranges[ranges.length - 1] = { ...last, last: BigInt(id) }
    else ranges.push({ first: BigInt(id), last: BigInt(id) })
  }
  return ranges
}

const ids = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 50 }).map((all) => new Set(all))

describe("IdRange", () => {
  it("subtracts like sets do", () =>
    fc.assert(
      fc.property(ids, ids, (a, b) => {
        assert.deepStrictEqual(without(rangesOf(a), rangesOf(b)), rangesOf(new Set([...a].filter((id) => !b.has(id)))))
      }),
    ))

  it("joins neighbours, and only those that are alike", () => {
    fc.assert(
      fc.property(ids, (all) => {
        const single = [...all].toSorted((a, b) => a - b).map((id) => ({ first: BigInt(id), last: BigInt(id) }))
        assert.deepStrictEqual(joined(single), rangesOf(all))
      }),
    )
    const range = (first: bigint, last: bigint, why: string) => ({ first, last, why })
    assert.deepStrictEqual(
      joined([range(1n, 2n, "a"), range(3n, 4n, "a"), range(5n, 5n, "b")], (one, next) => one.why === next.why),
      [range(1n, 4n, "a"), range(5n, 5n, "b")],
    )
  })

  it("counts ids", () =>
    fc.assert(fc.property(ids, (all) => assert.strictEqual(countIds(rangesOf(all)), BigInt(all.size)))))
})

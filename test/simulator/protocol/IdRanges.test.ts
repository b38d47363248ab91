import { assert, describe, it } from "@effect/vitest"
import { array, assert as check, integer, property, tuple } from "fast-check"
import { makeIdRanges } from "../../../src/simulator/protocol/IdRanges.ts"

describe("IdRanges", () => {
  it("holds what a set of ids holds, in runs that do not touch", () => {
    const run = tuple(integer({ min: 0, max: 200 }), integer({ min: 0, max: 10 }))
    check(
      property(array(run, { maxLength: 60 }), (runs) => {
        const ids = makeIdRanges()
        const expected = new Set<number>()
        for (const [first, length] of runs) {
          ids.add(first, first + length)
          for (let id = first; id <= first + length; id++) {
            expected.add(id)
          }
        }
        const found: Array<number> = []
        let previous = -2
        for (const { first, last } of ids.ranges()) {
          assert.isAbove(first, previous + 1)
          previous = last
          for (let id = first; id <= last; id++) {
            found.push(id)
          }
        }
        assert.deepStrictEqual(
          found,
          [...expected].sort((a, b) => a - b),
        )
        assert.strictEqual(ids.count(), expected.size)
        for (const id of [0, 50, 100, 211]) {
          assert.deepStrictEqual(
            ids.from(id),
            ids.ranges().find(({ last }) => last >= id),
          )
          const highest = ids.highest(id).flatMap(({ first, last }) => found.filter((of) => of >= first && of <= last))
          assert.deepStrictEqual(highest, id === 0 ? [] : found.slice(-id))
        }
      }),
    )
  })
})

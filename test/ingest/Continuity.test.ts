import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { Continuity } from "../../src/ingest/Continuity.ts"
import { tradeOf } from "../fixtures/trades.ts"

const FAR = 50_000_000

const idsAdmitted = (continuity: Continuity, ...batches: ReadonlyArray<ReadonlyArray<number>>) =>
  batches.map((ids) => continuity.admit(ids.map((id) => tradeOf(id))).map(({ id }) => id))

describe("Continuity", () => {
  it("lets trades through as they are, holes, duplicates and disorder included", () => {
    const batch = [5, 6, 9, 7, 7, 1_000_000, 8].map((id) => tradeOf(id))
    assert.strictEqual(new Continuity().admit(batch), batch)
  })

  it("drops a bogus id, and keeps its neighbours", () => {
    const continuity = new Continuity()
    assert.deepStrictEqual(idsAdmitted(continuity, [1, 2, FAR, 3, 4], [5, FAR + 7], [6]), [[1, 2, 3, 4], [5], [6]])
    assert.strictEqual(continuity.bogus, 2)
  })

  it("believes a jump that the next id confirms, also in the next batch", () => {
    const continuity = new Continuity()
    assert.deepStrictEqual(idsAdmitted(continuity, [1, FAR, FAR + 1, FAR + 2], [3 * FAR], [3 * FAR + 1]), [
      [1, FAR, FAR + 1, FAR + 2],
      [],
      [3 * FAR, 3 * FAR + 1],
    ])
    assert.strictEqual(continuity.bogus, 0)
  })

  it("knows from the database where a symbol stands", () => {
    const continuity = new Continuity()
    continuity.begin("BTCUSDT", 10)
    assert.deepStrictEqual(idsAdmitted(continuity, [FAR], [11, 12]), [[], [11, 12]])
  })

  it("keeps symbols apart", () => {
    const continuity = new Continuity()
    const batch = [tradeOf(1), tradeOf(FAR, { symbol: "ETHUSDT" }), tradeOf(2), tradeOf(FAR + 1, { symbol: "ETHUSDT" })]
    assert.strictEqual(continuity.admit(batch), batch)
  })

  it("never loses or adds a trade below the jump, however batches are cut", () =>
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 6 }), { maxLength: 10 }),
        (batches) => {
          assert.deepStrictEqual(idsAdmitted(new Continuity(), ...batches).flat(), batches.flat())
        },
      ),
    ))
})

import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { Continuity } from "../../src/ingest/Continuity.ts"
import { tradeOf } from "../fixtures/trades.ts"

const FAR = 50_000

const idsAdmitted = (continuity: Continuity, ...batches: ReadonlyArray<ReadonlyArray<number>>) =>
  batches.map((ids) => continuity.admit(ids.map((id) => tradeOf(id))).map(({ id }) => id))

describe("Continuity", () => {
  it("lets new ids through as they are, holes and disorder included, without a copy", () => {
    const batch = [5, 6, 9, 7, 10_009, 8, 4, 4, 10].map((id) => tradeOf(id))
    assert.strictEqual(new Continuity().admit(batch), batch)
  })

  it("leaves out what it let through before, and counts it", () => {
    const continuity = new Continuity()
    assert.deepStrictEqual(idsAdmitted(continuity, [5, 6, 6, 9], [5, 7, 8, 7, 9, 10], [8]), [[5, 6, 9], [7, 8, 10], []])
    assert.strictEqual(continuity.duplicates, 5)
  })

  it("lets ids of the past through: the database knows them", () => {
    const continuity = new Continuity()
    continuity.begin("BTCUSDT", 10)
    assert.deepStrictEqual(idsAdmitted(continuity, [9, 10, 11], [9, 11]), [[9, 10, 11], [9]])
  })

  it("leaves out ids that went back although time goes on, and tells of them once", () => {
    const continuity = new Continuity()
    continuity.begin("BTCUSDT", 90)
    const { time } = tradeOf(0)
    // What the database has from before it has to judge itself.
    const before = [tradeOf(80, { time: time + 5_000 })]
    assert.strictEqual(continuity.admit(before), before)
    continuity.admit([tradeOf(100), tradeOf(103)])
    assert.deepStrictEqual(continuity.admit([tradeOf(100, { time: time + 900 })]), [])
    const anew = [80, 100, 102].map((id) => tradeOf(id, { time: time + 5_000 }))
    assert.deepStrictEqual(continuity.admit(anew), [])
    assert.deepStrictEqual(continuity.takeAnew(), anew)
    assert.deepStrictEqual(continuity.takeAnew(), [])
    assert.deepStrictEqual(idsAdmitted(continuity, [102, 103, 104]), [[102, 104]])
    assert.strictEqual(continuity.duplicates, 2)
  })

  it("does not take a broken trade for the one of its id", () => {
    const continuity = new Continuity()
    const broken = (id: number) => tradeOf(id, { price: "" })
    const batch = [
      broken(5),
      tradeOf(5),
      tradeOf(6),
      broken(7),
      broken(7),
      tradeOf(7),
      tradeOf(9),
      broken(8),
      tradeOf(8),
    ]
    assert.strictEqual(continuity.admit(batch), batch)
    assert.deepStrictEqual(idsAdmitted(continuity, [5, 6, 7, 8, 9]), [[]])
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

  it("tells once of a jump, so that the exchange can be asked about it", () => {
    const continuity = new Continuity()
    idsAdmitted(continuity, [1, FAR])
    assert.deepStrictEqual(
      continuity.takeSuspects().map(({ id }) => id),
      [FAR],
    )
    assert.deepStrictEqual(continuity.takeSuspects(), [])
  })

  it("knows whether it still waits to hear what a jump was", () => {
    const continuity = new Continuity()
    const jump = tradeOf(FAR)
    continuity.admit([tradeOf(1), jump])
    assert.isTrue(continuity.isSuspect(jump))
    continuity.admit([tradeOf(2)])
    assert.isFalse(continuity.isSuspect(jump))
  })

  it("believes no jump at once that would give ids up", () => {
    const continuity = new Continuity(10)
    assert.deepStrictEqual(idsAdmitted(continuity, [1, 11, 22], [12]), [[1, 11], [12]])
    assert.strictEqual(continuity.bogus, 1)
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

  it("remembers a bounded number of holes, and leaves older ids to the database", () => {
    const continuity = new Continuity()
    const odd = Array.from({ length: 2_000 }, (_, n) => 2 * n + 1)
    idsAdmitted(continuity, odd)
    // The oldest holes are forgotten, so their ids, and those between them, pass as often as they come.
    assert.deepStrictEqual(idsAdmitted(continuity, [2, 2, 3, 3_996, 3_996]), [[2, 2, 3, 3_996]])
  })

  const near = fc.integer({ min: 0, max: 60 })

  it("lets every id through that came, once from its first one on, however batches are cut", () =>
    fc.assert(
      fc.property(fc.array(fc.array(near, { maxLength: 6 }), { maxLength: 20 }), (batches) => {
        const ids = batches.flat()
        const admitted = idsAdmitted(new Continuity(), ...batches).flat()
        const first = ids[0] ?? 0
        assert.deepStrictEqual(new Set(admitted), new Set(ids))
        const known = admitted.filter((id) => id >= first)
        assert.strictEqual(new Set(known).size, known.length)
        // Those from before the first one nobody here knows.
        assert.deepStrictEqual(
          admitted.filter((id) => id < first),
          ids.filter((id) => id < first),
        )
      }),
    ))

  it("lets two overlapping connections through as one", () =>
    fc.assert(
      fc.property(near, near, fc.array(fc.boolean(), { maxLength: 120 }), (a, b, turns) => {
        const next = [a, b]
        const ids = turns.map((turn) => {
          const which = turn ? 1 : 0
          const id = next[which] ?? 0
          next[which] = id + 1
          return id
        })
        const continuity = new Continuity()
        continuity.begin("BTCUSDT", Math.min(a, b) - 1)
        const admitted = idsAdmitted(continuity, ids).flat()
        assert.deepStrictEqual(
          [...admitted].sort((x, y) => x - y),
          [...new Set(ids)].sort((x, y) => x - y),
        )
        assert.strictEqual(continuity.duplicates, ids.length - admitted.length)
      }),
    ))
})

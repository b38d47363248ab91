import { assert, describe, it } from "@effect/vitest"
import { makeCursor } from "../../../src/simulator/protocol/Cursor.ts"
import { makeOutlet } from "../../../src/simulator/protocol/Outlet.ts"
import { type Channel } from "../../../src/simulator/source/MarketSource.ts"

/** A channel whose newest position is the time. */
const channel: Channel = {
  stream: "x@trade",
  symbol: "X",
  start: () => undefined,
  newest: (now) => now,
  event: (position) => `{"t":${position}}`,
  tradeId: (position) => position,
}

const following = (start: number) => {
  const outlet = makeOutlet(channel)
  const cursor = makeCursor("x@trade", outlet, start)
  const all = (now: number): Array<number> => {
    const positions: Array<number> = []
    for (let turn = cursor.take(now); turn !== undefined; turn = cursor.take(now)) {
      const length = turn.last - turn.first + 1
      const run = Array.from({ length }, (_, index) => (turn?.first ?? 0) + index)
      for (const position of turn.reversed ? run.toReversed() : run) {
        positions.push(position)
      }
    }
    return positions
  }
  return { outlet, cursor, all }
}

const run = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index)

describe("Cursor", () => {
  it("starts after what is public and gives everything once, in turns of bounded length", () => {
    const { all, cursor } = following(100)
    assert.strictEqual(cursor.take(100), undefined)
    assert.deepStrictEqual(cursor.take(1_000), { first: 101, last: 356, reversed: false })
    assert.deepStrictEqual(all(1_000), run(357, 1_000))
    assert.deepStrictEqual(all(1_000), [])
  })

  it("leaves out what is withheld, also where it stays behind", () => {
    const { all, outlet } = following(100)
    outlet.withhold({ first: 111, last: 120 })
    outlet.withhold({ first: 121, last: 125 })
    outlet.withhold({ first: 140, last: 140 })
    assert.deepStrictEqual(all(115), run(101, 110))
    assert.deepStrictEqual(all(150), [...run(126, 139), ...run(141, 150)])
  })

  it("passes what is withheld only once it is public, and counts it once however many pass", () => {
    const { all, cursor, outlet } = following(100)
    const other = makeCursor("x@trade", outlet, 112)
    outlet.withhold({ first: 111, last: 120 })
    assert.deepStrictEqual(all(115), run(101, 110))
    assert.strictEqual(outlet.passed(), 5)
    cursor.repeat(2, 115)
    assert.deepStrictEqual(all(115), [109, 110])
    assert.deepStrictEqual(other.take(119), undefined)
    assert.strictEqual(outlet.passed(), 9)
    assert.deepStrictEqual(all(121), [121])
    assert.strictEqual(outlet.passed(), 10)
    cursor.repeat(3, 121)
    assert.deepStrictEqual(all(121), [109, 110, 121])
  })

  it("gives nothing while it is stalled, nothing of it later, and all that follows", () => {
    const { all, cursor, outlet } = following(100)
    assert.deepStrictEqual(all(110), run(101, 110))
    cursor.repeat(5, 110)
    cursor.stall(150)
    assert.deepStrictEqual([cursor.flows(149), cursor.flows(150)], [false, true])
    assert.isFalse(cursor.repeat(5, 120))
    assert.deepStrictEqual(all(149), [])
    cursor.stall(130)
    assert.deepStrictEqual(all(149), [])
    assert.deepStrictEqual(all(160), run(151, 160))
    assert.isTrue(cursor.repeat(12, 160))
    assert.deepStrictEqual(all(160), [109, 110, ...run(151, 160)])
    cursor.stall(Number.POSITIVE_INFINITY)
    assert.deepStrictEqual(all(1e15), [])
    assert.deepStrictEqual(makeCursor("x@trade", outlet, 170).take(171), { first: 171, last: 171, reversed: false })
  })

  it("repeats what it gave, and no more than that", () => {
    const { all, cursor } = following(100)
    all(105)
    cursor.repeat(3, 105)
    assert.deepStrictEqual(all(106), [103, 104, 105, 106])
    cursor.repeat(1_000, 106)
    assert.deepStrictEqual(all(106), run(101, 106))
  })

  it("reverses once there are enough, or when it waited a second", () => {
    const { all, cursor } = following(100)
    let reversed = 0
    const note = () => (reversed += 1)
    cursor.reverse(4, 100, note)
    assert.deepStrictEqual(all(103), [])
    assert.deepStrictEqual(all(106), [104, 103, 102, 101, 105, 106])
    assert.strictEqual(reversed, 1)
    cursor.reverse(2_000_000, 106, note)
    assert.deepStrictEqual(all(1_000_105), [])
    assert.strictEqual(reversed, 1)
    assert.strictEqual(all(1_000_106)[0], 1_000_106)
    assert.strictEqual(reversed, 2)
    cursor.reverse(5, 1_000_106, note)
    assert.deepStrictEqual(all(1_000_107), [])
    cursor.reverse(1, 1_000_107, note)
    assert.deepStrictEqual(all(1_000_107), [1_000_107])
    assert.strictEqual(reversed, 2)
  })

  it("forgoes what became public", () => {
    const { all, cursor } = following(100)
    cursor.forgo(150)
    assert.deepStrictEqual(all(152), [151, 152])
  })

  it("gives nothing of a stream that does not exist", () => {
    const cursor = makeCursor("no@trade", undefined, 5)
    cursor.repeat(3, 5)
    assert.strictEqual(cursor.take(100), undefined)
  })
})

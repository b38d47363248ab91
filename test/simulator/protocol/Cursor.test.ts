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

  it("repeats what it gave, and no more than that", () => {
    const { all, cursor } = following(100)
    all(105)
    cursor.repeat(3)
    assert.deepStrictEqual(all(106), [103, 104, 105, 106])
    cursor.repeat(1_000)
    assert.deepStrictEqual(all(106), run(101, 106))
  })

  it("reverses once there are enough, or when it waited a second", () => {
    const { all, cursor } = following(100)
    cursor.reverse(4, 100)
    assert.deepStrictEqual(all(103), [])
    assert.deepStrictEqual(all(106), [104, 103, 102, 101, 105, 106])
    cursor.reverse(2_000_000, 106)
    assert.deepStrictEqual(all(1_000_105), [])
    assert.strictEqual(all(1_000_106)[0], 1_000_106)
  })

  it("forgoes what became public", () => {
    const { all, cursor } = following(100)
    cursor.forgo(150)
    assert.deepStrictEqual(all(152), [151, 152])
  })

  it("gives nothing of a stream that does not exist", () => {
    const cursor = makeCursor("no@trade", undefined, 5)
    cursor.repeat(3)
    assert.strictEqual(cursor.take(100), undefined)
  })
})

import { assert, describe, it } from "@effect/vitest"
import { Rhythm } from "../../src/ingest/Rhythm.ts"
import { tradeOf } from "../fixtures/trades.ts"

/** Trades of a symbol at these moments, in ms. */
const heard = (rhythm: Rhythm, symbol: string, times: ReadonlyArray<number>) =>
  times.forEach((time) => rhythm.note([tradeOf(1, { symbol })], time))

const every = (millis: number, count: number, from = 0) => Array.from({ length: count }, (_, n) => from + n * millis)

describe("Rhythm", () => {
  it("knows nothing of a symbol that it hardly heard", () => {
    const rhythm = new Rhythm()
    assert.strictEqual(rhythm.silence("BTCUSDT", 5_000), undefined)
    heard(rhythm, "BTCUSDT", every(10, 19))
    assert.strictEqual(rhythm.unusual("BTCUSDT"), undefined)
    heard(rhythm, "BTCUSDT", [190])
    assert.strictEqual(rhythm.unusual("BTCUSDT"), 5_000)
    assert.strictEqual(rhythm.silence("BTCUSDT", 1_000), 810)
  })

  it("judges each symbol by its own rate", () => {
    const rhythm = new Rhythm()
    heard(rhythm, "QUIETUSDT", every(60_000, 30))
    heard(rhythm, "BUSYUSDT", every(20, 1_000))
    assert.closeTo(rhythm.unusual("QUIETUSDT") ?? 0, 30 * 60_000, 1)
    assert.strictEqual(rhythm.unusual("BUSYUSDT"), 5_000)
  })

  it("remembers a long pause for a while, and forgets it", () => {
    const rhythm = new Rhythm()
    heard(rhythm, "BTCUSDT", every(100, 1_000))
    heard(rhythm, "BTCUSDT", every(100, 1_000, 300_000))
    assert.isAtLeast(rhythm.unusual("BTCUSDT") ?? 0, 4 * 200_000)
    heard(rhythm, "BTCUSDT", every(100, 60 * 600, 400_000))
    assert.strictEqual(rhythm.unusual("BTCUSDT"), 5_000)
  })

  it("tells whether a symbol traded since a moment", () => {
    const rhythm = new Rhythm()
    heard(rhythm, "BTCUSDT", [7])
    assert.isTrue(rhythm.hasTradedSince("BTCUSDT", 7))
    assert.isFalse(rhythm.hasTradedSince("BTCUSDT", 8))
    assert.isFalse(rhythm.hasTradedSince("ETHUSDT", 0))
  })
})

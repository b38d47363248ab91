import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { type Clocks, clocks, decodeEntry, encodeEntry, readHeader } from "../../../src/ingest/spill/entry.ts"
import type { Trade } from "../../../src/market/Trade.ts"
import { tradeOf } from "../../fixtures/trades.ts"

const orderId = fc.option(fc.maxSafeNat())

const trade: fc.Arbitrary<Trade> = fc.record({
  symbol: fc.constantFrom("BTCUSDT", "ETHUSDT", "币安人生USDT", "🦊"),
  id: fc.maxSafeNat(),
  price: fc.oneof(fc.constant("84598.05000000"), fc.string({ unit: "binary", maxLength: 300 })),
  quantity: fc.string({ maxLength: 20 }),
  side: fc.constantFrom("BUY", "SELL"),
  time: fc.maxSafeNat(),
  buyerOrderId: orderId,
  sellerOrderId: orderId,
  receivedAt: fc.integer({ min: 0, max: 1_000_000_000 }).map((micros) => micros / 1000),
})
const batches = fc.array(trade, { minLength: 1, maxLength: 30 })

const LATER: Clocks = { origin: 1, ahead: 1_700_000_000_000, now: 1e12 }

describe("entry", () => {
  it("gives back what was put in, receipt times to the microsecond", () =>
    fc.assert(
      fc.property(batches, (batch) => {
        const decoded = decodeEntry(encodeEntry(batch, LATER), LATER)
        const rounded = (trades: ReadonlyArray<Trade>) =>
          trades.map((_) => ({ ..._, receivedAt: Math.round(_.receivedAt * 1000) }))
        assert.deepStrictEqual(rounded(decoded), rounded(batch))
      }),
    ))

  it("notices any byte that changed, and any that is missing", () =>
    fc.assert(
      fc.property(batches, fc.nat(), fc.integer({ min: 1, max: 255 }), (batch, at, change) => {
        const entry = encodeEntry(batch, LATER)
        const index = at % entry.length
        const changed = Buffer.from(entry)
        changed[index] = (changed[index] ?? 0) ^ change
        assert.throws(() => decodeEntry(changed, LATER), RangeError)
        assert.throws(() => readHeader(changed, LATER), RangeError)
        assert.throws(() => decodeEntry(entry.subarray(0, index), LATER), RangeError)
      }),
    ))

  it("takes 40 bytes at most for a trade of a busy symbol", () => {
    const batch = Array.from({ length: 100 }, (_, index) => tradeOf(5_000_000_000 + index))
    assert.isBelow(encodeEntry(batch, clocks()).length, 4000)
  })

  it("translates receipt times to the clock of another process by what both say of the wall clock", () => {
    const entry = encodeEntry([tradeOf(1, { receivedAt: 500 }), tradeOf(2, { receivedAt: 600 })], {
      origin: 1,
      ahead: 1_000_000,
      now: 700,
    })
    const times = (clocks: Clocks) => decodeEntry(entry, clocks).map((_) => _.receivedAt)
    // Received at 1,000,500 and 1,000,600 of the wall clock, which is 30,000 later than the clock here.
    assert.deepStrictEqual(times({ origin: 2, ahead: 1_030_000, now: 50 }), [-29_500, -29_400])
    assert.strictEqual(readHeader(entry, { origin: 2, ahead: 1_030_000, now: 50 }).receivedAt, -29_500)
    // The same process: its own clock counts, whatever happened to the wall clock.
    assert.deepStrictEqual(times({ origin: 1, ahead: 5, now: 700 }), [500, 600])
    // A wall clock that was put back makes no trade younger than nothing.
    assert.deepStrictEqual(times({ origin: 2, ahead: 1000, now: 50 }), [50, 50])
  })

  it("refuses a number that it could not give back", () => {
    for (const id of [-1, 0.5, Number.NaN, 2 ** 53]) assert.throws(() => encodeEntry([tradeOf(id)], LATER), RangeError)
  })
})

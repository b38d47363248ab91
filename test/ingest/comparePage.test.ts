import { assert, describe, it } from "@effect/vitest"
import { comparePage } from "../../src/ingest/comparePage.ts"
import type { Trade } from "../../src/market/Trade.ts"
import type { StoredPage, StoredTrade } from "../../src/store/storedPage.ts"
import { tradeOf } from "../fixtures/trades.ts"

const TIME = 1_791_019_853_440_977

const row = (id: number, fields: Partial<StoredTrade> = {}): StoredTrade => ({
  id,
  price: "84598.05000000",
  quantity: "0.00481000",
  side: "SELL",
  time: TIME,
  ...fields,
})

const ids = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, n) => first + n)
const rows = (first: number, last: number) => ids(first, last).map((id) => row(id))
const trades = (first: number, last: number) => ids(first, last).map((id) => tradeOf(id, { time: TIME }))
const range = (first: number, last: number) => ({ first: BigInt(first), last: BigInt(last) })

/** The ids 10 to 19, compared. */
const compared = (
  told: ReadonlyArray<Trade>,
  stored: Partial<StoredPage>,
  more: { readonly limitation?: string; readonly servesBelow?: boolean } = {},
) =>
  comparePage(
    { first: 10, last: 19 },
    { trades: told, limitation: more.limitation },
    { rows: [], gaps: [], keptFrom: 0, ...stored },
    more.servesBelow ?? false,
  )

/** A comparison that found nothing but equal rows, but for what is given. */
const found = (fields: object) => ({
  compared: 10,
  cutTimes: 0,
  differing: [],
  unknown: [],
  lost: [],
  obtainable: [],
  gone: [],
  limited: [],
  pending: [],
  ...fields,
})

/** The rows of the page, one of them changed. */
const withRow = (changed: StoredTrade) => rows(10, 19).map((one) => (one.id === changed.id ? changed : one))

describe("comparePage", () => {
  it("finds nothing in equal rows, and ignores what the exchange has beyond the page", () =>
    assert.deepStrictEqual(compared(trades(10, 25), { rows: rows(10, 19) }), found({})))

  it.each([
    ["price", { price: "84598.06000000" }],
    ["price", { price: "84598.05000001" }],
    ["quantity", { quantity: "0.00481001" }],
    ["side", { side: "BUY" }],
    ["time", { time: TIME + 1 }],
    // Whole milliseconds, but not those of the exchange.
    ["time", { time: TIME - (TIME % 1000) + 1000 }],
    ["time", { time: TIME - (TIME % 1000) - 1000 }],
    // In the same millisecond, but not cut.
    ["time", { time: TIME - 1 }],
  ] as const)("finds another %s", (field, change) => {
    const stored = row(12, change)
    const { differing, ...rest } = compared(trades(10, 19), { rows: withRow(stored) })
    assert.deepStrictEqual({ ...rest, differing: [] }, found({}))
    assert.deepStrictEqual(
      differing.map(({ fields, stored, told }) => ({ fields, stored, id: told.id })),
      [{ fields: [field], stored, id: 12 }],
    )
  })

  it("names every value of a row that differs", () => {
    const stored = row(12, { price: "1.00000000", quantity: "2.00000000", side: "BUY", time: 3 })
    const { differing } = compared(trades(10, 19), { rows: withRow(stored) })
    assert.deepStrictEqual(
      differing.map(({ fields }) => fields),
      [["price", "quantity", "side", "time"]],
    )
  })

  it("compares both rows of an id that is there twice", () => {
    const { compared: count, differing } = compared(trades(10, 19), { rows: [row(10), row(10, { side: "BUY" })] })
    assert.deepStrictEqual([count, differing.length], [2, 1])
  })

  it("takes zeros at the end for nothing, and counts times that are cut to milliseconds", () => {
    const told = trades(10, 19).map((trade) => ({ ...trade, price: "84598.05", quantity: "0.004810" }))
    const cut = row(12, { time: TIME - (TIME % 1000) })
    assert.deepStrictEqual(compared(told, { rows: withRow(cut) }), found({ cutTimes: 1 }))
  })

  it("finds rows that the exchange lacks between those that it serves", () => {
    const told = trades(10, 20).filter(({ id }) => id !== 13 && id !== 19)
    assert.deepStrictEqual(compared(told, { rows: rows(10, 19) }), found({ compared: 8, unknown: [row(13), row(19)] }))
  })

  it("takes rows below what is served as served no more, unless the exchange serves lower ones", () => {
    const stored = { rows: rows(10, 19) }
    assert.deepStrictEqual(compared(trades(13, 22), stored), found({ compared: 7, gone: [range(10, 12)] }))
    assert.deepStrictEqual(compared(trades(50, 60), stored), found({ compared: 0, gone: [range(10, 19)] }))
    const rest = { servesBelow: true }
    assert.deepStrictEqual(compared(trades(13, 22), stored, rest), found({ compared: 7, unknown: rows(10, 12) }))
    assert.deepStrictEqual(compared(trades(50, 60), stored, rest), found({ compared: 0, unknown: rows(10, 19) }))
  })

  it("concludes nothing from a host that has only the newest", () => {
    const limited = { limitation: "only the newest", servesBelow: true }
    assert.deepStrictEqual(
      compared(trades(13, 22), { rows: rows(10, 19) }, limited),
      found({ compared: 7, limited: [range(10, 12)] }),
    )
  })

  it("concludes nothing about ids above the newest", () => {
    const stored = { rows: rows(10, 19) }
    assert.deepStrictEqual(compared(trades(10, 15), stored), found({ compared: 6, pending: [range(16, 19)] }))
    assert.deepStrictEqual(compared([], stored), found({ compared: 0, pending: [range(10, 19)] }))
    assert.deepStrictEqual(
      compared([], stored, { servesBelow: true }),
      found({ compared: 0, pending: [range(10, 19)] }),
    )
  })

  it("tells lost ids from those in open gaps, and those that were given up", () => {
    const gaps = [
      { first: 5, last: 11, unfillable: undefined },
      { first: 14, last: 15, unfillable: "it was gone" },
      { first: 16, last: 16, unfillable: "it was late" },
    ]
    const { lost, ...rest } = compared(trades(10, 19), { rows: [row(12), row(17), row(18), row(19)], gaps })
    assert.deepStrictEqual(
      lost.map(({ id }) => id),
      [13],
    )
    const obtainable = [
      { ...range(14, 15), reason: "it was gone" },
      { ...range(16, 16), reason: "it was late" },
    ]
    assert.deepStrictEqual({ ...rest, lost: [] }, found({ compared: 4, obtainable }))
  })

  it("does not call obtainable what the table could not hold", () => {
    const told = trades(10, 19).map((trade) => (trade.id === 14 ? { ...trade, price: "1.000000001" } : trade))
    const stored = rows(10, 19).filter(({ id }) => id !== 14)
    const gaps = [{ first: 14, last: 14, unfillable: "price 1.000000001" }]
    assert.deepStrictEqual(compared(told, { rows: stored, gaps }), found({ compared: 9 }))
  })

  it("leaves out what is not kept", () => {
    assert.deepStrictEqual(compared(trades(10, 19), { keptFrom: 15, rows: rows(12, 19) }), found({ compared: 5 }))
    assert.deepStrictEqual(compared(trades(10, 19), { keptFrom: 30, rows: rows(10, 19) }), found({ compared: 0 }))
    assert.deepStrictEqual(compared([], { keptFrom: 30 }), found({ compared: 0 }))
    assert.deepStrictEqual(compared(trades(50, 60), { keptFrom: 30 }), found({ compared: 0 }))
  })
})

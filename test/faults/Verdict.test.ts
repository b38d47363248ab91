import { assert, describe, it } from "@effect/vitest"
import { judge, type SymbolEvidence } from "./Verdict.ts"

const trade = (id: number): string =>
  `${id} ${id}.50000000 0.10000000 ${id % 2 === 0 ? "BUY" : "SELL"} ${1_000_000 + id}`

const rowsOf = (first: number, last: number): ReadonlyArray<string> =>
  Array.from({ length: last - first + 1 }, (_, index) => trade(first + index))

/** Ids 100 to 199, all of them stored. */
const whole: SymbolEvidence = {
  symbol: "BTCUSDT",
  origin: 100,
  high: 199,
  rows: rowsOf(100, 199),
  gaps: [],
  sent: [
    { first: 100, last: 120 },
    { first: 130, last: 199 },
  ],
  floor: undefined,
  newest: 250,
  trade,
}

const gone = "The exchange no longer serves it: asked for ids from 121 on, it answers from 130 on."
const unfillable = { first: 121, last: 129, state: "unfillable", reason: gone }
const holed: SymbolEvidence = { ...whole, rows: [...rowsOf(100, 120), ...rowsOf(130, 199)] }

const finds = (evidence: SymbolEvidence, ...expected: ReadonlyArray<RegExp>) => {
  const found = judge(evidence)
  assert.lengthOf(found, expected.length, found.join("\n"))
  expected.forEach((pattern, index) => assert.match(found[index] ?? "", pattern))
}

describe("the verdict", () => {
  it("finds nothing where each id is stored once, as it was made", () => finds(whole))

  it("finds a row that is missing", () =>
    finds({ ...whole, rows: whole.rows.filter((row) => row !== trade(150)) }, /^BTCUSDT: 1 ids .* neither .*: 150$/))

  it("finds a row that is there twice", () =>
    finds({ ...whole, rows: [...rowsOf(100, 150), ...rowsOf(150, 199)] }, /^BTCUSDT: 1 ids are twice: 150$/))

  it.each([
    ["price", /150\.50000000/, "150.50000001"],
    ["quantity", /0\.10000000/, "0.20000000"],
    ["side", /BUY/, "SELL"],
    ["time", /1000150/, "1000151"],
  ])("finds a changed %s", (_, from, to) =>
    finds(
      { ...whole, rows: whole.rows.map((row, index) => (index === 50 ? row.replace(from, to) : row)) },
      /^BTCUSDT: the row 150 .* should be 150 /,
    ),
  )

  it("accepts ids that REST no longer served, and no others", () => {
    finds({ ...holed, floor: 130, gaps: [unfillable] })
    finds({ ...holed, floor: undefined, gaps: [unfillable] }, /121 to 129 is unfillable, and REST has it/)
    finds({ ...holed, floor: 129, gaps: [unfillable] }, /121 to 129 is unfillable, and REST has it/)
    finds({ ...holed, floor: 130, gaps: [{ ...unfillable, reason: "price x" }] }, /unfillable, .* \(price x\)/)
  })

  it("finds a gap that is still open", () =>
    finds({ ...holed, floor: 130, gaps: [{ ...unfillable, state: "open" }] }, /121 to 129 is still open/))

  it("finds a row inside a gap of the ledger", () =>
    finds(
      { ...whole, floor: 130, gaps: [{ ...unfillable, first: 129 }] },
      /^BTCUSDT: 1 ids are stored, and in a gap of the ledger: 129$/,
    ))

  it("finds a trade that the exchange never made", () => {
    const bogus = { ...whole, high: 20_000, rows: [...whole.rows, trade(20_000)], gaps: [] }
    finds(
      { ...bogus, gaps: [{ first: 200, last: 19_999, state: "open", reason: "" }] },
      /never made it: 20000$/,
      /still open/,
    )
    finds({ ...whole, symbol: "FOREIGNUSDT", sent: undefined }, /^FOREIGNUSDT is stored, and the exchange sent none/)
  })

  it("finds an origin that is not the first trade that was sent", () => {
    finds({ ...whole, origin: 101, rows: rowsOf(101, 199) }, /^BTCUSDT begins at 101, and the first trade .* is 100$/)
    finds({ ...whole, origin: 99, rows: rowsOf(99, 199) }, /^BTCUSDT begins at 99, and the first trade .* is 100$/)
    finds({ ...whole, rows: rowsOf(99, 199) }, /stored outside of origin and high: 99$/)
  })

  it("finds a trade that was sent, and is beyond the high", () =>
    finds({ ...whole, high: 198, rows: rowsOf(100, 198) }, /sent, beyond the high: 199$/))
})

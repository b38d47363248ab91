import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { readMessage } from "../../../src/feed/binance/BinanceMessage.ts"
import { TradeFrameReader } from "../../../src/feed/binance/TradeFrameReader.ts"
import { tradeFrame } from "../../fixtures/FakeExchange.ts"

const SYMBOLS = ["BTCUSDT", "ETHUSDT", "1000SATSUSDT", "币安人生USDT"]
const reader = new TradeFrameReader(SYMBOLS)

const fast = (text: string) => reader.read(Buffer.from(text), 12.5)

/** What the schema makes of it, where it is a trade of a wanted symbol. */
const bySchema = (text: string) => {
  const message = readMessage(Buffer.from(text).toString(), 12.5)
  return message.kind === "trade" && SYMBOLS.includes(message.trade.symbol) ? message.trade : undefined
}

const combined = (frame: string, name = "btcusdt@trade") => `{"stream":"${name}","data":${frame}}`

const decimal = fc.oneof(
  fc.tuple(fc.bigInt({ min: 0n, max: 999_999_999_999n }), fc.nat(99_999_999)).map(
    ([whole, part]) => `${whole}.${String(part).padStart(8, "0")}`,
  ),
  fc.stringMatching(/^[0-9.]{0,110}$/),
  fc.constantFrom("", "1e3", "-1.0", "NaN", "0.1\\u0030"),
) // prettier-ignore

const integer = fc.oneof(
  fc.maxSafeNat().map(String),
  fc.constantFrom(
    "0",
    "007",
    "00",
    "-1",
    "1.5",
    "1e3",
    "",
    "9007199254740991",
    "9007199254740993",
    "99999999999999999",
  ),
)

const time = fc.oneof(
  fc.integer({ min: 1_500_000_000_000_000, max: 1_900_000_000_000_000 }).map(String),
  fc.integer({ min: 1_500_000_000_000, max: 1_900_000_000_000 }).map(String),
  integer,
)

const frame = fc
  .record({
    E: time,
    s: fc.constantFrom(...SYMBOLS, "DOGEUSDT", "", "BTC\\u0055SDT", "BTC USDT", "\u0001"),
    t: integer,
    p: decimal,
    q: decimal,
    T: time,
    m: fc.constantFrom("true", "false", "null", '"true"', "1"),
    M: fc.constantFrom("true", "false", "null", "7"),
    isCombined: fc.boolean(),
  })
  .map(({ E, M, T, isCombined, m, p, q, s, t }) => {
    const event = `{"e":"trade","E":${E},"s":"${s}","t":${t},"p":"${p}","q":"${q}","T":${T},"m":${m},"M":${M}}`
    return isCombined ? combined(event) : event
  })

/** A frame with some characters gone, doubled or replaced. */
const damaged = fc
  .tuple(
    frame,
    fc.array(fc.tuple(fc.nat(), fc.nat(3), fc.constantFrom('"', "{", "}", ",", ":", "0", "9", ".", "\\", " ", "\0")), {
      minLength: 1,
      maxLength: 3,
    }),
  )
  .map(([text, damages]) =>
    damages.reduce((left, [place, length, instead]) => {
      const at = place % (left.length + 1)
      return left.slice(0, at) + instead + left.slice(at + length)
    }, text),
  )

describe("TradeFrameReader", () => {
  it("reads what the exchange writes, bare and in the combined framing", () => {
    for (const text of [tradeFrame(6_733_597_950), combined(tradeFrame(6_733_597_950))])
      assert.deepStrictEqual(fast(text), {
        symbol: "BTCUSDT",
        id: 6_733_597_950,
        price: "84598.05000000",
        quantity: "0.00481000",
        side: "SELL",
        time: 1_791_019_853_440_977,
        buyerOrderId: null,
        sellerOrderId: null,
        receivedAt: 12.5,
      })
  })

  it("gives trades of a symbol the same string", () => {
    const text = tradeFrame(1, { s: "币安人生USDT", m: false })
    assert.strictEqual(fast(text)?.symbol, SYMBOLS[3])
    assert.strictEqual(fast(text)?.side, "BUY")
  })

  const unknown: ReadonlyArray<readonly [what: string, text: string]> = [
    ["order ids of older captures", tradeFrame(1, { b: 88, a: 99 })],
    ["a key that was added", tradeFrame(1, { X: "MARKET" })],
    ["a symbol that is not wanted", tradeFrame(1, { s: "DOGEUSDT" })],
    ["a space", tradeFrame(1).replace(",", ", ")],
    ["another order", '{"E":1,"e":"trade"}'],
    ["an escape", tradeFrame(1).replace("BTC", "\\u0042TC")],
    ["an id that is missing", tradeFrame(1).replace('"t":1', '"t":')],
    ["an id that is not safe", tradeFrame(1).replace('"t":1', '"t":9007199254740993')],
    ["a time of zero", tradeFrame(1, { T: 0 })],
    ["an end that is missing", tradeFrame(1).slice(0, -1)],
    ["something behind its end", `${tradeFrame(1)}}`],
    ["a combined frame that does not end", combined(tradeFrame(1)).slice(0, -1)],
    ["an acknowledgement", '{"result":null,"id":7}'],
    ["nothing", ""],
  ]
  for (const [what, text] of unknown) it(`leaves ${what} to the schema`, () => assert.isUndefined(fast(text)))

  it("never sees another trade than the schema, whatever the text", () => {
    let read = 0
    fc.assert(
      fc.property(fc.oneof({ weight: 3, arbitrary: frame }, damaged), (text) => {
        const trade = fast(text)
        if (trade === undefined) return
        read += 1
        assert.deepStrictEqual(trade, bySchema(text))
      }),
      { numRuns: 20_000 },
    )
    assert.isAbove(read, 100)
  })
})

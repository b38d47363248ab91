import { assert, describe, it } from "@effect/vitest"
import { readMessage } from "../../../src/feed/binance/BinanceMessage.ts"
import { tradeFrame } from "../../fixtures/FakeExchange.ts"

const kindOf = (text: string) => readMessage(text, 0).kind

describe("readMessage", () => {
  it("reads a bare trade", () => {
    assert.deepStrictEqual(readMessage(tradeFrame(6_733_597_950), 12.5), {
      kind: "trade",
      trade: {
        symbol: "BTCUSDT",
        id: 6_733_597_950,
        price: "84598.05000000",
        quantity: "0.00481000",
        side: "SELL",
        time: 1_791_019_853_440_977,
        buyerOrderId: null,
        sellerOrderId: null,
        receivedAt: 12.5,
      },
    })
  })

  it("reads a trade in the combined framing, with the order ids of older captures", () => {
    const message = readMessage(
      `{"stream":"btcusdt@trade","data":${tradeFrame(0, { m: false, b: 88, a: 5_000_000_000 })}}`,
      0,
    )
    assert.strictEqual(message.kind, "trade")
    if (message.kind !== "trade") return
    assert.deepInclude(message.trade, { id: 0, side: "BUY", buyerOrderId: 88, sellerOrderId: 5_000_000_000 })
  })

  it("takes milliseconds from servers that know no timeUnit, cut as the exchange cuts them", () => {
    const message = readMessage(tradeFrame(1, { T: 1_791_019_853_440 }), 0)
    assert.strictEqual(message.kind === "trade" && message.trade.time, 1_791_019_853_440_000)
  })

  it("keeps the text of prices", () => {
    const message = readMessage(tradeFrame(1, { p: "0.000000010", q: "92233720368.54775807" }), 0)
    assert.strictEqual(message.kind === "trade" && message.trade.price, "0.000000010")
    assert.strictEqual(message.kind === "trade" && message.trade.quantity, "92233720368.54775807")
  })

  it("allows unknown keys", () => {
    assert.strictEqual(kindOf(tradeFrame(1, { X: "MARKET", st: 0, new: { deep: [] } })), "trade")
  })

  const shapes: ReadonlyArray<readonly [string, string]> = [
    ['{"result":null,"id":7}', "acknowledged"],
    ['{"result":["btcusdt@trade"],"id":9}', "acknowledged"],
    ['{"code":2,"msg":"Invalid request: unknown method"}', "refused"],
    ['{"code":2,"msg":"Invalid request: unknown method","id":null}', "refused"],
    ['{"error":{"code":4,"msg":"Too many subscriptions"},"id":19}', "refused"],
    ['{"e":"serverShutdown","E":1791019853438}', "shutdown"],
    ['{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1791019853438}}', "shutdown"],
    ['{"e":"aggTrade","s":"BTCUSDT","a":1}', "foreign"],
    ['{"e":"blockTrade","s":"BNBBTC","t":583,"p":"0.052","q":"5838","T":1,"m":true}', "foreign"],
    ['{"u":100969596127,"s":"BTCUSDT","b":"84598.05000000"}', "foreign"],
    ['{"e":17}', "foreign"],
    ["{}", "foreign"],
    ["", "malformed"],
    ["null", "malformed"],
    ["[]", "malformed"],
    ["42", "malformed"],
    [tradeFrame(1).slice(0, 60), "malformed"],
    [tradeFrame(1, { t: "1" }), "malformed"],
    [tradeFrame(1, { t: -1 }), "malformed"],
    [tradeFrame(1, { t: 1.5 }), "malformed"],
    [tradeFrame(1).replace('"t":1', '"t":9007199254740993'), "malformed"],
    [tradeFrame(1, { p: 84598.05 }), "malformed"],
    [tradeFrame(1, { m: "true" }), "malformed"],
    [tradeFrame(1, { s: undefined }), "malformed"],
    [tradeFrame(1, { T: 0 }), "malformed"],
    ["\u0000\uFFFD\u0001", "malformed"],
    ['{"stream":"btcusdt@trade","data":null}', "foreign"],
  ]
  const deep = (depth: number) => "[".repeat(depth) + "]".repeat(depth)
  const hostile: ReadonlyArray<readonly [what: string, text: string, kind: string]> = [
    ["an array of 200,000 levels", deep(200_000), "malformed"],
    ["an object of 100,000 levels", '{"a":'.repeat(100_000) + "1" + "}".repeat(100_000), "foreign"],
    ["an event of 100,000 levels", `{"e":${deep(100_000)}}`, "foreign"],
    ["an event without a text", '{"e":{"toString":1,"valueOf":1}}', "foreign"],
    ["a refusal without a text", '{"code":{"toString":1},"msg":{"toString":1,"valueOf":1}}', "refused"],
    ["a refusal of 100,000 levels", `{"code":${deep(100_000)},"msg":${deep(100_000)}}`, "refused"],
    ["a price of 100,000 levels", tradeFrame(1, { p: 0 }).replace('"p":0', `"p":${deep(100_000)}`), "malformed"],
    ["a price of a million digits", tradeFrame(1, { p: "9".repeat(1_000_000) }), "malformed"],
    ["a symbol of a million letters", tradeFrame(1, { s: "A".repeat(1_000_000) }), "malformed"],
    ["another prototype", '{"__proto__":{"e":"trade"},"result":null}', "acknowledged"],
  ]
  for (const [what, text, kind] of hostile) {
    it(`sees ${kind} in ${what}, and says little of it`, () => {
      const message = readMessage(text, 0)
      assert.strictEqual(message.kind, kind)
      assert.isBelow(JSON.stringify(message).length, 1_000)
    })
  }

  for (const [text, kind] of shapes) {
    it(`sees ${kind} in ${text.slice(0, 70)}`, () => assert.strictEqual(kindOf(text), kind))
  }
})

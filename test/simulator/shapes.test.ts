import { assert, describe, it } from "@effect/vitest"
import { aggregateRow, tradeRow } from "../../src/simulator/protocol/tradeRows.ts"
import { makeOutlet } from "../../src/simulator/protocol/Outlet.ts"
import { inTimeUnit } from "../../src/simulator/source/captureLine.ts"
import { type Channel } from "../../src/simulator/source/MarketSource.ts"
import { makeSyntheticMarket } from "../../src/simulator/source/SyntheticMarket.ts"
import { aggregateEventEncoder, tradeEventEncoder } from "../../src/simulator/source/tradeEvent.ts"

/** As documented and as recorded; every byte counts. */
const examples = {
  trade: `{"e":"trade","E":1791019853441,"s":"BTCUSDT","t":6733597950,"p":"84598.05000000","q":"0.00481000","T":1791019853440,"m":true,"M":true}`,
  aggTrade: `{"e":"aggTrade","E":1791019853440,"s":"BTCUSDT","a":4080045246,"p":"84598.05000000","q":"0.00962000","f":6733597949,"l":6733597950,"T":1791019853440,"m":true,"M":true}`,
  tradeRow: `{"id":6733597950,"price":"84598.05000000","qty":"0.00481000","quoteQty":"406.91662050","time":1791019853440,"isBuyerMaker":true,"isBestMatch":true}`,
}

const trade = {
  eventTime: 1_791_019_853_441_999,
  id: 6_733_597_950,
  price: 8_459_805_000_000,
  quantity: 481_000,
  time: 1_791_019_853_440_999,
  buyerIsMaker: true,
}
const exact = { ...trade, price: BigInt(trade.price), quantity: BigInt(trade.quantity) }

/** Every run of digits made one 9, every symbol and flag the same: what is left is the shape. */
const shape = (text: string) => text.replace(/\d+/g, "9").replace(/(true|false),"M"/, `flag,"M"`)

describe("shapes", () => {
  it("writes the documented trade and aggTrade events, byte for byte", () => {
    assert.strictEqual(tradeEventEncoder("BTCUSDT")(trade, false), examples.trade)
    const aggregate = {
      ...trade,
      eventTime: trade.time,
      id: 4_080_045_246,
      quantity: 962_000,
      firstTradeId: 6_733_597_949,
      lastTradeId: 6_733_597_950,
    }
    assert.strictEqual(aggregateEventEncoder("BTCUSDT")(aggregate, false), examples.aggTrade)
  })

  it("writes times in µs whole, and in ms cut", () => {
    const micros = examples.trade.replaceAll(/(17910198534\d\d)/g, "$1999")
    assert.strictEqual(tradeEventEncoder("BTCUSDT")(trade, true), micros)
    assert.strictEqual(inTimeUnit(micros, false), examples.trade)
    assert.strictEqual(inTimeUnit(micros, true), micros)
    assert.strictEqual(inTimeUnit(examples.trade, false), examples.trade)
    assert.strictEqual(inTimeUnit(examples.trade, true), micros.replaceAll(/999(?=[,}])/g, "000"))
  })

  it("writes the documented REST rows, the quote quantity cut", () => {
    assert.strictEqual(JSON.stringify(tradeRow(exact, false)), examples.tradeRow)
    const row = { ...exact, price: 1n, quantity: 99_999_999n, firstTradeId: 1, lastTradeId: 2 }
    assert.strictEqual(tradeRow(row, false).quoteQty, "0.00000000")
    assert.deepStrictEqual(Object.keys(aggregateRow(row, false)), ["a", "p", "q", "f", "l", "T", "m", "M"])
  })

  it("makes market events of exactly these shapes", () => {
    const market = makeSyntheticMarket({
      seed: "x",
      symbols: ["BTCUSDT"],
      rate: 10,
      epoch: 1_767_225_600_000_000,
      startId: undefined,
      count: undefined,
      atSubscribe: false,
    })
    for (const [stream, example] of [
      ["btcusdt@trade", examples.trade],
      ["btcusdt@aggTrade", examples.aggTrade],
    ] as const) {
      const channel = market.channel(stream)
      const newest = channel?.newest(1_791_019_853_441_999) ?? 0
      for (let position = newest; position > newest - 200; position--) {
        assert.strictEqual(shape(channel?.event(position, false) ?? ""), shape(example))
      }
    }
    assert.strictEqual(market.channel("BTCUSDT@trade"), undefined)
  })

  it("frames events as unmasked text, wrapped where the connection is combined", () => {
    const channel: Channel = {
      stream: "币usdt@trade",
      symbol: "币USDT",
      start: () => undefined,
      newest: () => 10,
      event: (position) =>
        Buffer.from(`{"s":"币USDT","t":${position},"x":"${"y".repeat(position)}"}`).toString("latin1"),
      tradeId: (position) => position,
    }
    const outlet = makeOutlet(channel)
    for (const [first, combined] of [
      [1, false],
      [120, true],
      [65_600, false],
    ] as const) {
      const event = `{"s":"币USDT","t":${first},"x":"${"y".repeat(first)}"}`
      const payload = Buffer.from(combined ? `{"stream":"币usdt@trade","data":${event}}` : event)
      const frame = outlet.frames(first, first, { combined, micros: false })
      const header = payload.length < 126 ? 2 : payload.length < 65_536 ? 4 : 10
      assert.strictEqual(frame[0], 0x81)
      const length = [frame[1], frame.readUInt16BE(2), Number(frame.readBigUInt64BE(2))][[2, 4, 10].indexOf(header)]
      assert.strictEqual(length, payload.length)
      assert.deepStrictEqual(frame.subarray(header), payload)
    }
    const framing = { combined: false, micros: false }
    const [fresh, shared] = [makeOutlet(channel), makeOutlet(channel)]
    shared.frames(1, 9, framing)
    assert.deepStrictEqual(shared.frames(3, 4, framing), fresh.frames(3, 4, framing))
  })
})

import { assert, describe, it } from "@effect/vitest"
import { type SyntheticMarketOptions, makeSyntheticMarket } from "../../../src/simulator/source/SyntheticMarket.ts"

const epoch = Date.UTC(2026, 0, 1) * 1000
const now = Date.UTC(2026, 8, 1) * 1000

const market = (options: Partial<SyntheticMarketOptions> = {}) =>
  makeSyntheticMarket({
    seed: "test",
    symbols: ["BTCUSDT", "ETHUSDT", "币安人生USDT"],
    rate: 90,
    epoch,
    startId: undefined,
    count: undefined,
    atSubscribe: false,
    ...options,
  })

const symbolOf = (source: ReturnType<typeof market>, symbol: string) => {
  const found = source.symbols.get(symbol)
  const channel = source.channel(`${symbol.toLowerCase()}@trade`)
  assert(found !== undefined && channel !== undefined)
  return { trades: found, channel }
}

const tradeOf = (source: ReturnType<typeof market>, symbol: string, id: number) => {
  const trade = symbolOf(source, symbol).trades.trade(id)
  assert(trade !== undefined)
  return trade
}

describe("SyntheticMarket", () => {
  it("makes the same trade from the same seed, symbol and id, in any order of asking", () => {
    const one = market()
    const { channel } = symbolOf(one, "BTCUSDT")
    const newest = channel.newest(now)
    const ids = Array.from({ length: 500 }, (_, index) => newest - index * 7919)
    const events = ids.map((id) => channel.event(id, true))
    const other = symbolOf(market(), "BTCUSDT").channel
    assert.deepStrictEqual(
      ids.toReversed().map((id) => other.event(id, true)),
      events.toReversed(),
    )
    assert.notStrictEqual(symbolOf(market({ seed: "other" }), "BTCUSDT").channel.event(newest, true), events[0])
    assert.notDeepEqual(tradeOf(one, "BTCUSDT", newest).price, tradeOf(one, "BTCUSDT", newest - 1_000_000).price)
  })

  it("continues after a restart where the clock is", () => {
    const before = symbolOf(market(), "BTCUSDT").channel
    const last = before.newest(now)
    const after = symbolOf(market(), "BTCUSDT").channel
    assert.strictEqual(after.newest(now), last)
    assert.isAbove(after.newest(now + 60_000_000), last)
  })

  it("publishes ids one after the other, each when its event time has come", () => {
    const { channel } = symbolOf(market(), "ETHUSDT")
    const eventTime = (id: number): number => JSON.parse(channel.event(id, true)).E
    for (let step = 0; step < 300; step++) {
      const at = now - step * 137_711
      const newest = channel.newest(at)
      assert.isAtMost(eventTime(newest), at)
      assert.isAbove(eventTime(newest + 1), at)
    }
  })

  it("never lets time go back, and lets many trades share one microsecond", () => {
    const { channel, trades } = symbolOf(market(), "BTCUSDT")
    const end = channel.newest(now)
    let previous = { time: 0, eventTime: 0 }
    let shared = 0
    let longest = 0
    let run = 0
    for (let id = end - 20_000; id <= end; id++) {
      const time = trades.trade(id)?.time ?? 0
      const eventTime: number = JSON.parse(channel.event(id, true)).E
      assert.isAtLeast(time, previous.time)
      assert.isAtLeast(eventTime, previous.eventTime)
      assert.isAtLeast(eventTime, time)
      run = time === previous.time ? run + 1 : 0
      shared += time === previous.time ? 1 : 0
      longest = Math.max(longest, run)
      previous = { time, eventTime }
    }
    assert.isAbove(shared, 10_000)
    assert.isAtLeast(longest, 31)
  })

  it("keeps the rate that was asked for, over all symbols", () => {
    const source = market()
    const hour = 3_600_000_000
    let trades = 0
    for (const symbol of source.symbols.keys()) {
      const { channel } = symbolOf(source, symbol)
      trades += channel.newest(now + hour) - channel.newest(now)
    }
    assert.approximately(trades / 3600, 90, 3)
  })

  it("prices in ticks near the base price, sizes in lots, always above 0", () => {
    const source = market()
    for (const [symbol, { listing, trade, newest }] of source.symbols) {
      const end = newest(now) ?? 0
      for (let id = end; id > end - 5_000_000; id -= 9_973) {
        const { price, quantity } = trade(id) ?? { price: 0n, quantity: 0n }
        assert.strictEqual(price % BigInt(listing.tickSize), 0n, symbol)
        assert.strictEqual(quantity % BigInt(listing.lotSize), 0n, symbol)
        assert.isTrue(quantity > 0n)
        assert.approximately(Number(price) / listing.basePrice, 1, 0.09)
      }
    }
  })

  it("has ids beyond 32 bits for BTCUSDT, and from the start id where one is given", () => {
    const id = symbolOf(market(), "BTCUSDT").channel.newest(now)
    assert.isAbove(id, 2 ** 32)
    assert.isTrue(Number.isSafeInteger(id))
    const { channel, trades } = symbolOf(market({ startId: 0, epoch: now }), "ETHUSDT")
    assert.strictEqual(trades.newest(now - 1), undefined)
    assert.strictEqual(channel.newest(now), -1)
    assert.strictEqual(trades.newest(now + 60_000_000), channel.newest(now + 60_000_000))
    assert.strictEqual(trades.trade(0)?.id, 0)
    assert.strictEqual(trades.trade(-1), undefined)
  })

  it("joins raw trades to aggregates that tile their ids, one instant, price and side each", () => {
    const { trades } = symbolOf(market(), "BTCUSDT")
    const newest = trades.newest(now) ?? 0
    const start = trades.aggregateOf(newest - 5_000)
    assert(start !== undefined)
    let expected = start.firstTradeId
    let several = 0
    for (let id = start.id; id < start.id + 2_000; id++) {
      const aggregate = trades.aggregate(id)
      assert(aggregate !== undefined)
      assert.strictEqual(aggregate.firstTradeId, expected)
      assert.isAtLeast(aggregate.lastTradeId, aggregate.firstTradeId)
      let quantity = 0n
      for (let raw = aggregate.firstTradeId; raw <= aggregate.lastTradeId; raw++) {
        const trade = trades.trade(raw)
        assert(trade !== undefined)
        assert.deepStrictEqual(
          [trade.time, trade.price, trade.buyerIsMaker],
          [aggregate.time, aggregate.price, aggregate.buyerIsMaker],
        )
        quantity += trade.quantity
      }
      assert.strictEqual(aggregate.quantity, quantity)
      several += aggregate.lastTradeId > aggregate.firstTradeId ? 1 : 0
      expected = aggregate.lastTradeId + 1
    }
    assert.isAbove(several, 500)
  })

  it("finds the first trade at a time", () => {
    const { trades } = symbolOf(market(), "BTCUSDT")
    for (let step = 1; step < 200; step++) {
      const time = now - step * 51_337
      const id = trades.firstAt(time)
      assert.isAtLeast(trades.trade(id)?.time ?? 0, time)
      assert.isBelow(trades.trade(id - 1)?.time ?? 0, time)
    }
  })

  it("ends each symbol after the count, from its first subscriber or from the opening", () => {
    const waiting = symbolOf(market({ count: 50, atSubscribe: true }), "BTCUSDT").channel
    const first = waiting.newest(now)
    waiting.start(now)
    waiting.start(now + 1_000_000)
    assert.strictEqual(waiting.newest(now + 3_600_000_000), first + 50)
    const opened = market({ count: 50 })
    opened.open(now)
    assert.strictEqual(symbolOf(opened, "BTCUSDT").channel.newest(now + 3_600_000_000), first + 50)
  })
})

import { assert, describe, it } from "@effect/vitest"
import { shards, streamUrl, subscribeRequests, STREAMS_PER_CONNECTION } from "../../../src/feed/binance/subscription.ts"

const symbols = Array.from({ length: 1000 }, (_, index) => `S${index}USDT`)

describe("subscription", () => {
  it("asks for microseconds, and for raw streams where the address has no path", () => {
    assert.strictEqual(
      streamUrl(new URL("wss://stream.binance.com:9443")),
      "wss://stream.binance.com:9443/ws?timeUnit=MICROSECOND",
    )
    assert.strictEqual(streamUrl(new URL("ws://127.0.0.1:9/ws/")), "ws://127.0.0.1:9/ws?timeUnit=MICROSECOND")
    assert.strictEqual(streamUrl(new URL("ws://127.0.0.1:9/stream")), "ws://127.0.0.1:9/stream?timeUnit=MICROSECOND")
  })

  it("names streams in lower case, whatever the script", () => {
    assert.deepStrictEqual(subscribeRequests(["BTCUSDT", "币安人生USDT"]), [
      '{"method":"SUBSCRIBE","params":["btcusdt@trade","币安人生usdt@trade"],"id":1}',
    ])
  })

  it("splits many symbols over connections and requests, each once", () => {
    const parts = shards(symbols)
    assert.isTrue(parts.every((part) => part.length <= STREAMS_PER_CONNECTION))
    assert.deepStrictEqual(parts.flat(), symbols)
    const named = parts.flatMap((part) =>
      subscribeRequests(part).flatMap((request) => {
        const { params }: { params: Array<string> } = JSON.parse(request)
        assert.isAtMost(params.length, 200)
        return params
      }),
    )
    assert.deepStrictEqual(
      named,
      symbols.map((symbol) => `${symbol.toLowerCase()}@trade`),
    )
  })
})

import { assert, describe, it } from "@effect/vitest"
import { marketOf, restUrlOf } from "../../src/market/Market.ts"

describe("Market", () => {
  it.each([
    ["wss://stream.binance.com:9443/ws", "binance-spot", "https://api.binance.com/"],
    ["wss://stream.binance.com/stream", "binance-spot", "https://api.binance.com/"],
    ["wss://data-stream.binance.vision/ws", "binance-spot", "https://data-api.binance.vision/"],
    ["wss://stream.testnet.binance.vision/ws", "binance-spot-testnet", "https://testnet.binance.vision/"],
    ["wss://testnet.binance.vision/ws", "binance-spot-testnet", "https://testnet.binance.vision/"],
    ["wss://demo-stream.binance.com", "binance-spot-demo", "https://demo-api.binance.com/"],
    ["wss://fstream.binance.com/ws", "fstream.binance.com", undefined],
    ["wss://stream.binance.com.example.org/ws", "stream.binance.com.example.org", undefined],
    ["ws://127.0.0.1:8080/ws", "127.0.0.1", undefined],
  ])("%s is %s with %s", (address, market, rest) => {
    assert.strictEqual(marketOf(new URL(address)), market)
    assert.strictEqual(restUrlOf(new URL(address))?.href, rest)
  })
})

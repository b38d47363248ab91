import { assert, describe, it } from "@effect/vitest"
import { parseStreamPath } from "../../../src/simulator/protocol/StreamPath.ts"

const raw = { combined: false, micros: false }
const combined = { combined: true, micros: false }

describe("StreamPath", () => {
  it.each([
    ["/ws", { ...raw, streams: [] }],
    ["/ws/", { ...raw, streams: [] }],
    ["/ws/btcusdt@trade", { ...raw, streams: ["btcusdt@trade"] }],
    ["/ws/btcusdt%40trade/ethusdt@trade", { ...raw, streams: ["btcusdt@trade", "ethusdt@trade"] }],
    ["/ws/btcusdt@trade?timeUnit=MICROSECOND", { ...raw, micros: true, streams: ["btcusdt@trade"] }],
    ["/ws?timeUnit=microsecond", { ...raw, micros: true, streams: [] }],
    ["/ws?timeUnit=millisecond", { ...raw, streams: [] }],
    ["/stream", { ...combined, streams: [] }],
    ["/stream?streams=btcusdt@trade/ethusdt@trade", { ...combined, streams: ["btcusdt@trade", "ethusdt@trade"] }],
    ["/stream?timeUnit=MILLISECOND&streams=a@trade%2Fb%40trade", { ...combined, streams: ["a@trade", "b@trade"] }],
    ["/ws/%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9Fusdt@trade", { ...raw, streams: ["币安人生usdt@trade"] }],
    ["/stream?streams=%E5%B8%81usdt@trade", { ...combined, streams: ["币usdt@trade"] }],
    ["/", { status: 404 }],
    ["/wss/x", { status: 404 }],
    ["/ws/%E5%B8", { status: 400 }],
    ["/ws?timeUnit=Microsecond", { status: 400 }],
    [`/ws/${"x".repeat(8_004)}`, { status: 414 }],
  ] as const)("reads %s", (target, expected) => {
    assert.deepStrictEqual(parseStreamPath(target), expected)
  })
})

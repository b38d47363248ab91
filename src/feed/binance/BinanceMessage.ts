import { Predicate, Result, Schema } from "effect"
import type { Trade } from "../../market/Trade.ts"
import { microseconds } from "./microseconds.ts"

/** Longer than any name or decimal of the exchange; a trade that the table cannot hold is kept as it came, so it has to be bounded. */
const Text = Schema.String.check(Schema.isMaxLength(100))

/**
 * The trade event of Binance Spot, https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams#trade-streams:
 *
 * `{"e":"trade","E":1791019853441123,"s":"BTCUSDT","t":6733597950,"p":"84598.05000000","q":"0.00481000","T":1791019853440977,"m":true,"M":true}`
 *
 * bare on `/ws`, inside `{"stream":"btcusdt@trade","data":…}` on `/stream`. Unknown keys are allowed: an added one must not cost trades.
 */
const TradeEvent = Schema.Struct({
  s: Text,
  t: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  p: Text,
  q: Text,
  T: Schema.Int.check(Schema.isGreaterThan(0)),
  m: Schema.Boolean,
  b: Schema.optional(Schema.NullOr(Schema.Int)),
  a: Schema.optional(Schema.NullOr(Schema.Int)),
})
const decodeTradeEvent = Schema.decodeUnknownResult(TradeEvent)

/** What a frame of the exchange means. None of them is a reason to disconnect. */
export type BinanceMessage =
  | { readonly kind: "trade"; readonly trade: Trade }
  /** The answer to a control request. It proves nothing: streams that do not exist are acknowledged too. */
  | { readonly kind: "acknowledged"; readonly id: unknown }
  | { readonly kind: "refused"; readonly id: unknown; readonly code: string; readonly text: string }
  /** The exchange is about to close this connection. */
  | { readonly kind: "shutdown" }
  /** An event of another kind. */
  | { readonly kind: "foreign"; readonly event: string }
  | { readonly kind: "malformed"; readonly problem: string }

/** Classifies one text frame by its shape. Total: whatever the bytes are, it answers. */
export const readMessage = (text: string, receivedAt: number): BinanceMessage => {
  let frame: unknown
  try {
    frame = JSON.parse(text)
  } catch {
    return { kind: "malformed", problem: "not JSON" }
  }
  if (!Predicate.isObject(frame)) return { kind: "malformed", problem: "not an object" }
  const event = "stream" in frame && Predicate.isObject(frame["data"]) ? frame["data"] : frame
  switch (event["e"]) {
    case "trade":
      return readTrade(event, receivedAt)
    case "serverShutdown":
      return { kind: "shutdown" }
    case undefined:
      return readControl(event)
    default:
      return { kind: "foreign", event: described(event["e"]) }
  }
}

const readTrade = (event: unknown, receivedAt: number): BinanceMessage => {
  const decoded = decodeTradeEvent(event)
  if (Result.isFailure(decoded)) return { kind: "malformed", problem: decoded.failure.message.replaceAll("\n", " ") }
  const { s, t, p, q, T, m, b, a } = decoded.success
  return {
    kind: "trade",
    trade: {
      symbol: s,
      id: t,
      price: p,
      quantity: q,
      side: m ? "SELL" : "BUY",
      time: microseconds(T),
      buyerOrderId: b ?? null,
      sellerOrderId: a ?? null,
      receivedAt,
    },
  }
}

/** Errors come flat, as documented, and nested under `error`, as observed. */
const readControl = (frame: Record<PropertyKey, unknown>): BinanceMessage => {
  const error = Predicate.isObject(frame["error"]) ? frame["error"] : frame
  if ("code" in error)
    return { kind: "refused", id: frame["id"], code: described(error["code"]), text: described(error["msg"]) }
  if ("result" in frame) return { kind: "acknowledged", id: frame["id"] }
  return { kind: "foreign", event: "none" }
}

/** A value of JSON in a few words. One of an object may have no text at all, that of a deep one takes more stack than there is. */
const described = (value: unknown): string =>
  typeof value === "object" && value !== null ? "an object" : String(value).slice(0, 200)

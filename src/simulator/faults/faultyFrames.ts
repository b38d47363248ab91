import { type Connection } from "../protocol/Connection.ts"
import { type MarketSource } from "../source/MarketSource.ts"
import { type StreamServer } from "../protocol/StreamServer.ts"

/** The name of a symbol's stream of trades. */
export const tradeStream = (symbol: string): string => `${symbol.toLowerCase()}@trade`

/** The newest trade of a symbol, as a connection would get it. */
export interface NewestTrade {
  readonly stream: string
  readonly id: number
  readonly json: (micros: boolean) => string
}

/** Undefined while the symbol has no trade. */
export const newestTrade = (
  source: MarketSource,
  streams: StreamServer,
  symbol: string,
  now: number,
): NewestTrade | undefined => {
  const stream = tradeStream(symbol)
  const channel = streams.outlet(stream)?.channel
  if (channel === undefined || source.symbols.get(symbol)?.newest(now) === undefined) {
    return undefined
  }
  const position = channel.newest(now)
  return {
    stream,
    id: channel.tradeId(position),
    json: (micros) => Buffer.from(channel.event(position, micros), "latin1").toString("utf8"),
  }
}

/** What a malformed frame looks like. */
export type Malformation = "truncated" | "missingKey" | "emptyPrice" | "notJson" | "binary"

/** Sends one more frame that is no event. */
export const sendMalformed = (connection: Connection, trade: NewestTrade, variant: Malformation): void => {
  const json = trade.json(connection.micros)
  switch (variant) {
    case "truncated":
      connection.sendText(json.slice(0, Math.floor(json.length / 2)))
      return
    case "missingKey":
      connection.sendEvent(trade.stream, json.replace(/"p":"[^"]*",/, ""))
      return
    case "emptyPrice":
      connection.sendEvent(trade.stream, json.replace(/"p":"[^"]*","q":"[^"]*"/, '"p":"","q":""'))
      return
    case "notJson":
      connection.sendText("<html><body>502 Bad Gateway</body></html>")
      return
    case "binary":
      connection.sendBytes(Buffer.from([0x82, 4, 0xde, 0xad, 0xbe, 0xef]))
  }
}

/** Sends an event that nobody subscribed to. */
export const sendForeign = (connection: Connection, trade: NewestTrade, variant: "event" | "symbol"): void => {
  const json = trade.json(connection.micros)
  if (variant === "symbol") {
    connection.sendEvent("foreignusdt@trade", json.replace(/"s":"[^"]*"/, '"s":"FOREIGNUSDT"'))
  } else {
    connection.sendEvent(trade.stream, json.replace('"e":"trade"', '"e":"unheardOf"').replace(/"t":\d+,/, ""))
  }
}

/** The first part of a text frame, whose rest never comes. */
export const halfFrame = Buffer.from(`\x81\x7e\0\xa8{"stream":"btcusdt@trade","data":{"e":"trade","E":1`, "latin1")

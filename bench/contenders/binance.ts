/**
 * `binance` (npm): one multiplexed connection, its raw events. The beautifier stays off, as it is unless asked for: it would make floats
 * of the prices. It offers no way to hold the stream back.
 */
import { DefaultLogger, WebsocketClient } from "binance"
import { contender } from "./Contender.ts"
import { environment, streams } from "./Environment.ts"
import { type WireTrade } from "./WireTrade.ts"

// What the client appends to its wsUrl, /stream, becomes part of a parameter that nobody reads.
const wsUrl = `${environment.wsOrigin}/stream?timeUnit=MICROSECOND&then=`

const silent = { trace: () => undefined, info: () => undefined, error: () => undefined }
const client = new WebsocketClient({ wsUrl, beautify: false, reconnectTimeout: 100 }, { ...DefaultLogger, ...silent })

const { take } = contender({ stop: () => client.closeAll(true) })

const isTrade = (event: object): event is WireTrade => "e" in event && event.e === "trade"

client.on("message", (event) => {
  if (isTrade(event)) take(event)
})
client.on("exception", () => undefined)
void client.subscribe(streams, "main")

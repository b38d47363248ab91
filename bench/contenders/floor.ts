/** The least that does the work: no library, no guarantees. */
import { WebSocket } from "ws"
import { contender } from "./Contender.ts"
import { environment, streams } from "./Environment.ts"
import { type WireTrade } from "./WireTrade.ts"

const url = `${environment.wsOrigin}/stream?timeUnit=MICROSECOND&streams=${streams.join("/")}`
const RECONNECT_AFTER = 100

let ws: WebSocket | undefined
let stopped = false

const { take } = contender({
  hold: { stop: () => ws?.pause(), goOn: () => ws?.resume() },
  stop: () => {
    stopped = true
    ws?.terminate()
  },
})

const connect = (): void => {
  ws = new WebSocket(url, { perMessageDeflate: false })
  ws.on("message", (data) => {
    const message: { readonly data: WireTrade } = JSON.parse(data.toString())
    take(message.data)
  })
  ws.on("error", () => undefined)
  ws.on("close", () => {
    if (!stopped) setTimeout(connect, RECONNECT_AFTER)
  })
}
connect()

/**
 * `ccxt` pro: `watchTradesForSymbols`, which watches many symbols over one connection, with `newUpdates` and room for the trades that come
 * between two turns of the loop. It offers no way to hold the stream back.
 */
import { pro } from "ccxt"
import { contender } from "./Contender.ts"
import { environment } from "./Environment.ts"

const exchange = new pro.binance({
  enableRateLimit: false,
  newUpdates: true,
  options: { tradesLimit: 10_000, fetchMarkets: { types: ["spot"] } },
})
exchange.urls["api"].public = `${environment.restUrl}/api/v3`
// It numbers its connections at the end of the path, and tells spot by "/stream" in the address.
exchange.urls["api"].ws.spot = `${environment.wsOrigin}/ws?timeUnit=MICROSECOND&as=/stream`

const ended = new AbortController()
const { arrivals, sink } = contender({
  stop: () => {
    ended.abort()
    void exchange.close()
  },
})

// Asked for before an address without TLS, proxy or none.
await exchange.loadHttpProxyAgent()
await exchange.loadMarkets()
const symbols = environment.symbols.map((id) => exchange.safeSymbol(id))
const names = new Map(symbols.map((symbol, index) => [symbol, environment.symbols[index] ?? symbol]))

while (!ended.signal.aborted) {
  try {
    for (const { amount, id, info, price, side, symbol, timestamp } of await exchange.watchTradesForSymbols(symbols)) {
      arrivals?.record(Number(info.E))
      sink.add(
        names.get(symbol ?? "") ?? "",
        id ?? "",
        timestamp ?? 0,
        String(info.p ?? price),
        String(info.q ?? amount),
        side === "sell" ? "SELL" : "BUY",
      )
    }
  } catch {
    // It reconnects with the next call; at once, it would do nothing else.
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

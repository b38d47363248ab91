/**
 * The name of the market whose trade ids a stream address carries. Ids are only comparable inside one market, so a
 * database remembers the name that it was filled from.
 *
 * `stream.binance.com` and `data-stream.binance.vision` carry the same trades. Every other host is a market of its own,
 * named by its host without the port: the futures hosts of binance.com number their trades differently.
 */
export const marketOf = (wsUrl: URL): string => knownHosts.get(wsUrl.hostname)?.market ?? wsUrl.hostname

/**
 * The base address of the REST API that serves the same trades as a stream address; `undefined` for a host that
 * Binance does not document, where guessing could mix two markets.
 */
export const restUrlOf = (wsUrl: URL): URL | undefined => {
  const known = knownHosts.get(wsUrl.hostname)
  return known === undefined ? undefined : new URL(known.rest)
}

// https://developers.binance.com/docs/binance-spot-api-docs: general information, market data only, testnet, demo mode
const knownHosts: ReadonlyMap<string, { readonly market: string; readonly rest: string }> = new Map([
  ["stream.binance.com", { market: "binance-spot", rest: "https://api.binance.com" }],
  ["data-stream.binance.vision", { market: "binance-spot", rest: "https://data-api.binance.vision" }],
  ["stream.testnet.binance.vision", { market: "binance-spot-testnet", rest: "https://testnet.binance.vision" }],
  ["testnet.binance.vision", { market: "binance-spot-testnet", rest: "https://testnet.binance.vision" }],
  ["demo-stream.binance.com", { market: "binance-spot-demo", rest: "https://demo-api.binance.com" }],
])

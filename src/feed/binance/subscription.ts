import { Array } from "effect"

/** Far below the exchange's limit of 1,024, since one slow socket delays all of its streams. */
export const STREAMS_PER_CONNECTION = 256

/** 200 names in one request were seen to be accepted; no maximum is documented. */
const NAMES_PER_REQUEST = 128

/** The symbols of each connection. */
export const shards = (symbols: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> =>
  Array.chunksOf(symbols, STREAMS_PER_CONNECTION)

/** SUBSCRIBE requests for the trade streams of the symbols, with ids from 1. Stream names are lower case, symbols are not. */
export const subscribeRequests = (symbols: ReadonlyArray<string>): ReadonlyArray<string> =>
  Array.chunksOf(symbols, NAMES_PER_REQUEST).map((names, index) =>
    JSON.stringify({
      method: "SUBSCRIBE",
      params: names.map((symbol) => `${symbol.toLowerCase()}@trade`),
      id: index + 1,
    }),
  )

/** The URL to dial: without a path the raw streams are meant, and times are asked for in microseconds. */
export const streamUrl = (base: URL): string => {
  const url = new URL(base)
  const path = url.pathname.replace(/\/+$/, "")
  url.pathname = path === "" ? "/ws" : path
  url.searchParams.set("timeUnit", "MICROSECOND")
  return url.href
}

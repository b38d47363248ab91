import { type IncomingMessage, type ServerResponse } from "node:http"
import { type MarketSource } from "../source/MarketSource.ts"
import { exchangeInfo } from "./exchangeInfo.ts"
import { type ExchangeClock } from "./ExchangeClock.ts"
import { type Limits } from "./Limits.ts"
import { makeSpendWeight } from "./RequestWeight.ts"
import { type RestError } from "./RestError.ts"
import { type Checked } from "./RestParameters.ts"
import { aggregateTrades, historicalTrades, recentTrades, type RestQuery } from "./tradeEndpoints.ts"

interface Endpoint {
  readonly weight: number
  readonly answer: (request: RestQuery) => Checked<unknown>
}

/** A refusal that is not the request's own fault. */
export interface RestOutage extends RestError {
  /** Seconds. */
  readonly retryAfter: number | undefined
}

export interface RestServerOptions {
  readonly source: MarketSource
  readonly clock: ExchangeClock
  readonly limits: Limits
  /** Why every request is refused at the moment; asked at each one. */
  readonly outage: () => RestOutage | undefined
}

/** Answers a request under /api/v3. */
export type RestServer = (request: IncomingMessage, response: ServerResponse) => void

const advice = "Please use WebSocket Streams for live updates to avoid"

/** Serves the market data of the exchange's REST API, with its weights, headers and refusals. */
export const makeRestServer = ({ clock, limits, outage, source }: RestServerOptions): RestServer => {
  const spend = makeSpendWeight(limits.weightPerMinute)
  const endpoints: Readonly<Record<string, Endpoint>> = {
    "/api/v3/ping": { weight: 1, answer: () => ({ value: {} }) },
    "/api/v3/time": {
      weight: 1,
      answer: ({ micros, now }) => ({ value: { serverTime: micros ? now : Math.floor(now / 1000) } }),
    },
    "/api/v3/exchangeInfo": { weight: 20, answer: (request) => exchangeInfo(request, limits.weightPerMinute) },
    "/api/v3/trades": { weight: 25, answer: recentTrades },
    "/api/v3/historicalTrades": { weight: 25, answer: historicalTrades },
    "/api/v3/aggTrades": { weight: 4, answer: aggregateTrades },
  }

  return (request, response) => {
    const url = new URL(request.url ?? "/", "http://exchange")
    const endpoint = endpoints[url.pathname]
    const now = clock()

    const send = (status: number, body: unknown, retryAfter?: number): void => {
      response.statusCode = status
      response.setHeader("Content-Type", "application/json;charset=UTF-8")
      if (retryAfter !== undefined) {
        response.setHeader("Retry-After", String(retryAfter))
      }
      response.end(JSON.stringify(body))
    }
    const refuse = ({ code, msg, status }: RestError, retryAfter?: number) => send(status, { code, msg }, retryAfter)

    const weight = spend(request.socket.remoteAddress ?? "", endpoint?.weight ?? 1, Math.floor(now / 1000))
    response.setHeader("X-MBX-USED-WEIGHT", String(weight.used))
    response.setHeader("X-MBX-USED-WEIGHT-1M", String(weight.used))
    if (weight.kind === "banned") {
      const msg = `Way too much request weight used; IP banned until ${weight.until}. ${advice} bans.`
      refuse({ status: 418, code: -1003, msg }, weight.retryAfter)
      return
    }
    if (weight.kind === "limited") {
      const limit = `current limit is ${limits.weightPerMinute} request weight per 1 MINUTE`
      const msg = `Too much request weight used; ${limit}. ${advice} polling the API.`
      refuse({ status: 429, code: -1003, msg }, weight.retryAfter)
      return
    }
    const down = outage()
    if (down !== undefined) {
      refuse(down, down.retryAfter)
      return
    }
    if (endpoint === undefined) {
      response.statusCode = 404
      response.setHeader("Content-Type", "text/html")
      response.end("<html><body><h2>404 Not found</h2></body></html>")
      return
    }
    if (request.method !== "GET") {
      refuse({ status: 405, code: -1000, msg: "Request method not supported." })
      return
    }
    const micros = request.headers["x-mbx-time-unit"]?.toString().toUpperCase() === "MICROSECOND"
    const answer = endpoint.answer({ query: url.searchParams, symbols: source.symbols, now, micros })
    if ("refused" in answer) {
      refuse(answer.refused)
    } else {
      send(200, answer.value)
    }
  }
}

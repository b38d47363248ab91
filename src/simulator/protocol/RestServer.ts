import { type IncomingMessage, type ServerResponse } from "node:http"
import { type MarketSource } from "../source/MarketSource.ts"
import { exchangeInfo } from "./exchangeInfo.ts"
import { endHalfway, later } from "./disturbedAnswers.ts"
import { type ExchangeClock } from "./ExchangeClock.ts"
import { type Limits } from "./Limits.ts"
import { makeSpendWeight } from "./RequestWeight.ts"
import { type RestError } from "./RestError.ts"
import { type RestInterference } from "./RestInterference.ts"
import { type Checked } from "./RestParameters.ts"
import { aggregateTrades, historicalTrades, recentTrades, type RestAnswer, type RestQuery } from "./tradeEndpoints.ts"
import { wantsMicros } from "./wantsMicros.ts"

type Endpoint = { readonly weight: number } & (
  | { readonly answer: (query: RestQuery) => Checked<unknown> }
  | { readonly trades: (query: RestQuery) => RestAnswer }
)

export interface RestServerOptions {
  readonly source: MarketSource
  readonly clock: ExchangeClock
  readonly limits: Limits
  readonly interference: RestInterference
}

/** Answers a request under /api/v3. */
export type RestServer = (request: IncomingMessage, response: ServerResponse) => void

const advice = "Please use WebSocket Streams for live updates to avoid"

const refusalOf = ({ code, msg }: RestError) => ({ code, msg })

/** Serves the market data of the exchange's REST API, with its weights, headers and refusals. */
export const makeRestServer = ({ clock, interference, limits, source }: RestServerOptions): RestServer => {
  const spend = makeSpendWeight(limits.weightPerMinute)
  const endpoints: Readonly<Record<string, Endpoint>> = {
    "/api/v3/ping": { weight: 1, answer: () => ({ value: {} }) },
    "/api/v3/time": {
      weight: 1,
      answer: ({ micros, now }) => ({ value: { serverTime: micros ? now : Math.floor(now / 1000) } }),
    },
    "/api/v3/exchangeInfo": { weight: 20, answer: (request) => exchangeInfo(request, limits.weightPerMinute) },
    "/api/v3/trades": { weight: 25, trades: recentTrades },
    "/api/v3/historicalTrades": { weight: 25, trades: historicalTrades },
    "/api/v3/aggTrades": { weight: 4, trades: aggregateTrades },
  }

  const answerOf = (endpoint: Endpoint, query: RestQuery, truthful: boolean): Checked<unknown> => {
    if ("answer" in endpoint) {
      return endpoint.answer(query)
    }
    return truthful ? endpoint.trades(query) : interference.trades(query, endpoint.trades)
  }

  return (request, response) => {
    const url = new URL(request.url ?? "/", "http://exchange")
    const endpoint = endpoints[url.pathname]
    const now = clock()

    const prepare = (status: number, retryAfter?: number): void => {
      response.statusCode = status
      response.setHeader("Content-Type", "application/json;charset=UTF-8")
      if (retryAfter !== undefined) {
        response.setHeader("Retry-After", String(retryAfter))
      }
    }
    const refuse = (error: RestError, retryAfter?: number): void => {
      prepare(error.status, retryAfter)
      response.end(JSON.stringify(refusalOf(error)))
    }

    const weight = spend(request.socket.remoteAddress ?? "", endpoint?.weight ?? 1, Math.floor(now / 1000))
    response.setHeader("X-MBX-USED-WEIGHT", String(weight.used))
    response.setHeader("X-MBX-USED-WEIGHT-1M", String(weight.used))
    const held = url.pathname.startsWith("/api/v3/") ? interference.hang() : undefined
    if (held !== undefined) {
      later(response, held, () => response.destroy())
      return
    }
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
    const down = interference.outage()
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
    const query = { query: url.searchParams, symbols: source.symbols, now, micros: wantsMicros(request) }
    const delay = interference.delay()
    const cut = "trades" in endpoint && interference.cut()
    const answer = answerOf(endpoint, query, cut)
    const finish = (): void => {
      prepare("refused" in answer ? answer.refused.status : 200)
      const body = JSON.stringify("refused" in answer ? refusalOf(answer.refused) : answer.value)
      if (cut) {
        endHalfway(response, body)
      } else {
        response.end(body)
      }
    }
    if (delay === undefined) {
      finish()
    } else {
      later(response, delay, finish)
    }
  }
}

import { type SourceAggregate, type SymbolTrades } from "../source/MarketSource.ts"
import { invalidCombination } from "./RestError.ts"
import { type Checked, integerParameter, limitParameter, symbolParameter } from "./RestParameters.ts"
import { aggregateRow, tradeRow } from "./tradeRows.ts"

/** What an endpoint is asked. */
export interface RestQuery {
  readonly query: URLSearchParams
  readonly symbols: ReadonlyMap<string, SymbolTrades>
  /** µs since the epoch. */
  readonly now: number
  /** Whether times are answered in µs. */
  readonly micros: boolean
}

/** Rows of trades, or why there are none. */
export type RestAnswer = Checked<ReadonlyArray<unknown>>

const rows = (trades: SymbolTrades, first: number, last: number, micros: boolean) => {
  const found: Array<ReturnType<typeof tradeRow>> = []
  for (let id = first; id <= last; id++) {
    const trade = trades.trade(id)
    if (trade !== undefined) {
      found.push(tradeRow(trade, micros))
    }
  }
  return found
}

const page = (request: RestQuery, withFromId: boolean): RestAnswer => {
  const symbol = symbolParameter(request.query, request.symbols)
  const limit = limitParameter(request.query)
  const fromId = withFromId ? integerParameter(request.query, "fromId") : { value: undefined }
  if ("refused" in symbol) {
    return symbol
  }
  if ("refused" in limit) {
    return limit
  }
  if ("refused" in fromId) {
    return fromId
  }
  const newest = symbol.value.newest(request.now)
  const oldest = symbol.value.oldest()
  if (newest === undefined || oldest === undefined) {
    return { value: [] }
  }
  const first = Math.max(oldest, fromId.value ?? newest - limit.value + 1)
  return { value: rows(symbol.value, first, Math.min(newest, first + limit.value - 1), request.micros) }
}

/** GET /api/v3/trades: the newest ones, oldest first. */
export const recentTrades = (request: RestQuery) => page(request, false)

/** GET /api/v3/historicalTrades: from an id on; an id older than the oldest answers from the oldest. */
export const historicalTrades = (request: RestQuery) => page(request, true)

/** Times may be sent in ms or in µs. */
const microsOf = (time: number | undefined): number | undefined =>
  time === undefined || time > 100_000_000_000_000 ? time : time * 1000

const firstAggregate = (trades: SymbolTrades, from: number | undefined, newest: number, backwards: number): number => {
  if (from !== undefined) {
    return trades.aggregateOf(from)?.id ?? 0
  }
  return Math.max(0, (trades.aggregateOf(newest)?.id ?? 0) - backwards + 1)
}

/** The first aggregate that holds no trade older than the oldest. */
const lowestAggregate = (trades: SymbolTrades, oldest: number): number => {
  const aggregate = trades.aggregateOf(oldest)
  return aggregate === undefined ? 0 : aggregate.firstTradeId < oldest ? aggregate.id + 1 : aggregate.id
}

/** GET /api/v3/aggTrades: from an aggregate id, from a time, up to a time, or the newest. */
export const aggregateTrades = (request: RestQuery): RestAnswer => {
  const symbol = symbolParameter(request.query, request.symbols)
  const limit = limitParameter(request.query)
  const fromId = integerParameter(request.query, "fromId")
  const startTime = integerParameter(request.query, "startTime")
  const endTime = integerParameter(request.query, "endTime")
  if ("refused" in symbol) {
    return symbol
  }
  for (const number of [fromId, startTime, endTime]) {
    if ("refused" in number) {
      return number
    }
  }
  if ("refused" in limit || "refused" in fromId || "refused" in startTime || "refused" in endTime) {
    return "refused" in limit ? limit : { refused: invalidCombination }
  }
  if (fromId.value !== undefined && (startTime.value !== undefined || endTime.value !== undefined)) {
    return { refused: invalidCombination }
  }
  const trades = symbol.value
  const oldest = trades.oldest()
  const newestNow = trades.newest(request.now)
  if (oldest === undefined || newestNow === undefined) {
    return { value: [] }
  }
  const until = microsOf(endTime.value)
  /** An end in ms includes its whole millisecond. */
  const end = until === undefined ? undefined : until === endTime.value ? until : until + 999
  const newest = end === undefined ? newestNow : Math.min(newestNow, trades.firstAt(end + 1) - 1)
  const start = microsOf(startTime.value)
  const from = start === undefined ? undefined : trades.firstAt(start)
  if (newest < oldest || (from !== undefined && from > newest)) {
    return { value: [] }
  }
  const lowest = lowestAggregate(trades, oldest)
  const first = Math.max(lowest, fromId.value ?? firstAggregate(trades, from, newest, limit.value))
  const found: Array<SourceAggregate> = []
  for (let id = first; found.length < limit.value; id++) {
    const aggregate = trades.aggregate(id)
    if (aggregate === undefined || aggregate.lastTradeId > newest) {
      break
    }
    found.push(aggregate)
  }
  return { value: found.map((aggregate) => aggregateRow(aggregate, request.micros)) }
}

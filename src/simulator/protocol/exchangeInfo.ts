import { type Listing } from "../source/Listing.ts"
import { decimalOfUnits } from "../source/units.ts"
import { illegalCharacters, invalidCombination, invalidSymbol } from "./RestError.ts"
import { type Checked, legalSymbol } from "./RestParameters.ts"
import { type RestQuery } from "./tradeEndpoints.ts"

const rateLimits = (weightPerMinute: number) => [
  { rateLimitType: "REQUEST_WEIGHT", interval: "MINUTE", intervalNum: 1, limit: weightPerMinute },
  { rateLimitType: "ORDERS", interval: "SECOND", intervalNum: 10, limit: 100 },
  { rateLimitType: "ORDERS", interval: "DAY", intervalNum: 1, limit: 200_000 },
  { rateLimitType: "RAW_REQUESTS", interval: "MINUTE", intervalNum: 5, limit: 300_000 },
]

const symbolInfo = (listing: Listing) => ({
  symbol: listing.symbol,
  status: "TRADING",
  baseAsset: listing.baseAsset,
  baseAssetPrecision: 8,
  quoteAsset: listing.quoteAsset,
  quotePrecision: 8,
  quoteAssetPrecision: 8,
  orderTypes: ["LIMIT", "LIMIT_MAKER", "MARKET"],
  isSpotTradingAllowed: true,
  isMarginTradingAllowed: true,
  filters: [
    {
      filterType: "PRICE_FILTER",
      minPrice: decimalOfUnits(listing.tickSize),
      maxPrice: "1000000.00000000",
      tickSize: decimalOfUnits(listing.tickSize),
    },
    {
      filterType: "LOT_SIZE",
      minQty: decimalOfUnits(listing.lotSize),
      maxQty: "9000000.00000000",
      stepSize: decimalOfUnits(listing.lotSize),
    },
  ],
  permissions: [],
  permissionSets: [["SPOT", "MARGIN"]],
})

const stringList = (text: string): ReadonlyArray<string> | undefined => {
  try {
    const list: unknown = JSON.parse(text)
    return Array.isArray(list) && list.every((item) => typeof item === "string") ? list : undefined
  } catch {
    return undefined
  }
}

const asked = (query: URLSearchParams): Checked<ReadonlyArray<string> | undefined> => {
  const symbol = query.get("symbol")
  const symbols = query.get("symbols")
  if (symbol !== null && symbols !== null) {
    return { refused: invalidCombination }
  }
  if ((symbol ?? symbols) !== null && query.has("symbolStatus")) {
    return { refused: invalidCombination }
  }
  if (symbol !== null) {
    return { value: [symbol] }
  }
  if (symbols === null) {
    return { value: undefined }
  }
  const list = stringList(symbols)
  return list === undefined || list.length === 0
    ? { refused: illegalCharacters("symbols", '^\\["[\\w\\-._&&[^a-z]]{1,50}"(,"[\\w\\-._&&[^a-z]]{1,50}"){0,}\\]$') }
    : { value: list }
}

/** GET /api/v3/exchangeInfo: all symbols, or those asked for; one that is not listed refuses the request. */
export const exchangeInfo = (request: RestQuery, weightPerMinute: number): Checked<unknown> => {
  const names = asked(request.query)
  if ("refused" in names) {
    return names
  }
  for (const name of names.value ?? []) {
    const legal = legalSymbol(name, request.query.has("symbol") ? "symbol" : "symbols")
    if ("refused" in legal) {
      return legal
    }
    if (!request.symbols.has(name)) {
      return { refused: invalidSymbol }
    }
  }
  const status = request.query.get("symbolStatus")
  const wanted = names.value === undefined ? undefined : new Set(names.value)
  const symbols = [...request.symbols.values()].filter(
    ({ listing }) => (wanted === undefined || wanted.has(listing.symbol)) && (status === null || status === "TRADING"),
  )
  return {
    value: {
      timezone: "UTC",
      serverTime: request.micros ? request.now : Math.floor(request.now / 1000),
      rateLimits: rateLimits(weightPerMinute),
      exchangeFilters: [],
      symbols: symbols.map(({ listing }) => symbolInfo(listing)),
    },
  }
}

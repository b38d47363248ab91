import { SCALE } from "./units.ts"
import { fraction, keyOf } from "./hash.ts"

/** What the exchange says of a symbol. Sizes and prices are integers, 10^-8 of a unit. */
export interface Listing {
  readonly symbol: string
  readonly baseAsset: string
  readonly quoteAsset: string
  readonly tickSize: number
  readonly lotSize: number
  /** The price that the simulated market wanders around. */
  readonly basePrice: number
  /** Its share of all trades, against the other symbols. */
  readonly weight: number
  /** The id of its first trade after the market's epoch, unless one is asked for. */
  readonly startId: number
}

const known: Readonly<Record<string, readonly [price: number, tick: number, lot: number, weight: number, id: number]>> =
  {
    BTCUSDT: [84_598.05, 0.01, 0.00001, 6, 6_733_597_948],
    ETHUSDT: [2_683.8, 0.01, 0.0001, 5, 3_105_538_925],
    SOLUSDT: [151.27, 0.01, 0.001, 3, 1_620_004_711],
    BNBUSDT: [612.4, 0.01, 0.001, 2, 1_240_881_530],
    XRPUSDT: [0.5873, 0.0001, 0.1, 2, 1_190_250_003],
    ADAUSDT: [0.3391, 0.0001, 0.1, 1, 640_112_877],
  }

const quotes = ["USDT", "USDC", "FDUSD", "TUSD", "USD1", "BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "JPY"]

const units = (value: number): number => Math.round(value * SCALE)

/** How a symbol is listed: the well-known ones by their real sizes, any other by sizes made from its name. */
export const listingOf = (symbol: string): Listing => {
  const quoteAsset = quotes.find((quote) => symbol.endsWith(quote) && symbol.length > quote.length) ?? "USDT"
  const baseAsset = symbol.endsWith(quoteAsset) ? symbol.slice(0, -quoteAsset.length) : symbol
  const key = keyOf(symbol)
  const [price, tick, lot, weight, startId] = known[symbol] ?? [
    Math.round(1_000 + 99_000 * fraction(key, 1)) / 10_000,
    0.0001,
    0.1,
    1,
    Math.floor(10_000_000 * fraction(key, 2)),
  ]
  return {
    symbol,
    baseAsset,
    quoteAsset,
    tickSize: units(tick),
    lotSize: units(lot),
    basePrice: units(price),
    weight,
    startId,
  }
}

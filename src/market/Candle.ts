/** The lengths of candles, as the exchange names them. A day is one of UTC. */
export const INTERVALS = ["1m", "5m", "15m", "1h", "4h", "1d"] as const

export type Interval = (typeof INTERVALS)[number]

/** What the trades of a symbol did in an interval: the fields of the exchange's klines. Decimals are text, to the last digit. */
export interface Candle {
  readonly symbol: string
  readonly interval: Interval
  /** In microseconds since the epoch, a multiple of the interval's length. */
  readonly openTime: number
  /** Of the trade with the lowest id. */
  readonly open: string
  readonly high: string
  readonly low: string
  /** Of the trade with the highest id. */
  readonly close: string
  /** In the base asset. */
  readonly volume: string
  /** Price times quantity, of each trade cut to 8 decimals. */
  readonly quoteVolume: string
  /** How many. */
  readonly trades: number
  /** Of the trades whose aggressor bought. */
  readonly takerBuyVolume: string
  readonly takerBuyQuoteVolume: string
  /** -1 without trades, as the last one. */
  readonly firstId: number
  readonly lastId: number
  /** Whether a later trade is stored and no id that may belong here is still to be had: the numbers are those of the exchange. */
  readonly isFinal: boolean
  /** Whether earlier trades of this interval lie before what the database promises. */
  readonly isPartial: boolean
  /** When the numbers last changed although it was final, in milliseconds since the epoch; undefined: never. */
  readonly revisedAt: number | undefined
}

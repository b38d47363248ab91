/** The side of the aggressor, the order that took liquidity: Binance's `m: true` (the buyer is the maker) is a SELL. */
export type Side = "BUY" | "SELL"

/**
 * One trade of one symbol. Its identity is (symbol, id) and nothing else: hundreds of trades share a microsecond.
 *
 * Prices and quantities stay the decimal strings that the exchange sent; no float touches them on the way to the
 * database or to a client.
 */
export interface Trade {
  /** As the exchange writes it: uppercase where the script has case, not always ASCII. */
  readonly symbol: string
  /** Consecutive per symbol, from 0, beyond 32 bits, always a safe integer. */
  readonly id: number
  readonly price: string
  /** In the base asset. */
  readonly quantity: string
  readonly side: Side
  /** When the exchange matched it, in microseconds since the epoch. */
  readonly time: number
  /** Left the public stream in June 2024; older captures have it. */
  readonly buyerOrderId: number | null
  readonly sellerOrderId: number | null
  /** When this process read it from the socket, in milliseconds of the monotonic clock (`performance.now()`). */
  readonly receivedAt: number
}

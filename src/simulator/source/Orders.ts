import { fraction, hash, keyOf } from "./hash.ts"
import { type Listing } from "./Listing.ts"
import { makeOrderTimes, type OrderTimes } from "./OrderTimes.ts"

/** The wander of a price: each octave is a length in orders and how far it may lead away from the base price. */
const octaves: ReadonlyArray<readonly [length: number, amplitude: number]> = [
  [4_194_304, 0.06],
  [131_072, 0.02],
  [4_096, 0.004],
  [512, 0.0003],
]

/**
 * The taker orders of one symbol. Every four trades are made by exactly two orders, split after the first, second or
 * third trade, so that the order of a trade and the trades of an order are both found without looking at any other.
 * All trades of an order share instant, side and price. Trades and orders count from 0 here.
 */
export interface Orders {
  readonly times: OrderTimes
  readonly orderOf: (trade: number) => number
  readonly firstTrade: (order: number) => number
  /** A whole number of ticks, in units. */
  readonly price: (order: number) => number
  readonly buyerIsMaker: (order: number) => boolean
  /** A whole number of lots, in units. */
  readonly quantity: (trade: number) => number
}

/** A pure function of its arguments: the same orders on every machine, every time. */
export const makeOrders = (seed: string, listing: Listing, epoch: number, tradesPerSecond: number): Orders => {
  const key = (purpose: string) => keyOf(`${seed}/${listing.symbol}/${purpose}`)
  const times = makeOrderTimes(key("time"), epoch, tradesPerSecond)
  const splitKey = key("split")
  const sideKey = key("side")
  const quantityKey = key("quantity")
  const wander = octaves.map(([length, amplitude]) => ({ length, amplitude, key: key(`price ${length}`) }))
  const baseTicks = listing.basePrice / listing.tickSize
  /** About 12 of the quote currency: most trades are small. */
  const smallLots = (12 * 100_000_000 * 100_000_000) / listing.basePrice / listing.lotSize

  const split = (quad: number): number => 1 + (hash(splitKey, quad) % 3)
  const buyerIsMaker = (order: number): boolean => (hash(sideKey, times.matchedAt(order)) & 1) === 1

  const orderOf = (trade: number): number => {
    const quad = Math.floor(trade / 4)
    return quad * 2 + (trade - quad * 4 >= split(quad) ? 1 : 0)
  }

  const firstTrade = (order: number): number => {
    const quad = Math.floor(order / 2)
    return quad * 4 + (order - quad * 2 === 1 ? split(quad) : 0)
  }

  const price = (order: number): number => {
    let shift = 0
    for (const octave of wander) {
      const at = order / octave.length
      const left = Math.floor(at)
      const a = fraction(octave.key, left)
      const b = fraction(octave.key, left + 1)
      shift += octave.amplitude * (2 * (a + (b - a) * (at - left)) - 1)
    }
    const bid = Math.max(1, Math.round(baseTicks * (1 + shift)))
    return (buyerIsMaker(order) ? bid : bid + 1) * listing.tickSize
  }

  const quantity = (trade: number): number => {
    const u = fraction(quantityKey, trade)
    return (1 + Math.floor(smallLots * (0.02 + (u * u) / (1.003 - u)))) * listing.lotSize
  }

  return { times, orderOf, firstTrade, price, buyerIsMaker, quantity }
}

import { hash } from "./hash.ts"

/** Taker orders in a block, and how often a block is halved to find one. */
const QUADS = 1024
const LEVELS = 10
/** Four trades make two orders: see Orders. */
const ORDERS_PER_BLOCK = QUADS * 2
const TRADES_PER_BLOCK = QUADS * 4
/** A node of at most this many quads may happen on one instant as a whole: a sweep of 4 to 64 trades. */
const SWEEP_LEVEL = 4

/** When each taker order of a symbol was matched: a pure function, never decreasing, bursty at every scale. */
export interface OrderTimes {
  /** µs since the epoch of order n, from 0. */
  readonly matchedAt: (order: number) => number
  /** µs since the epoch when it was published; never before it was matched, never before the one before. */
  readonly publishedAt: (order: number) => number
  /** The highest order published at `now`; -1 while there is none. */
  readonly newest: (now: number) => number
  /** The lowest order matched at `time` or later. */
  readonly firstAt: (time: number) => number
}

/**
 * Blocks of 4,096 trades last equally long, so the mean rate is exact; inside a block time is divided by repeated
 * halving at uneven points (a multiplicative cascade), which gives bursts and pauses, and small parts may collapse
 * into one instant, which gives sweeps.
 */
export const makeOrderTimes = (key: number, epoch: number, tradesPerSecond: number): OrderTimes => {
  const duration = (TRADES_PER_BLOCK / tradesPerSecond) * 1_000_000

  const compute = (order: number): number => {
    const quad = Math.floor(order / 2)
    const block = Math.floor(quad / QUADS)
    let low = block * duration
    let high = (block + 1) * duration
    let rest = quad - block * QUADS
    let node = block * QUADS * 2 + 1
    for (let level = LEVELS; level > 0; level--) {
      const bits = hash(key, node)
      if (level <= SWEEP_LEVEL && (bits & 7) === 0) {
        return Math.floor(epoch + low)
      }
      const middle = low + (high - low) * (0.35 + (0.3 * (bits >>> 8)) / 16_777_216)
      const half = 2 ** (level - 1)
      if (rest < half) {
        high = middle
        node += 1
      } else {
        low = middle
        rest -= half
        node += 2 ** level
      }
    }
    const second = order - quad * 2 === 1 && (hash(key, node) & 1) === 0
    return Math.floor(epoch + (second ? (low + high) / 2 : low))
  }

  let lastOrder = -1
  let lastTime = 0
  const matchedAt = (order: number): number => {
    if (order !== lastOrder) {
      lastTime = compute(order)
      lastOrder = order
    }
    return lastTime
  }
  const publishedAt = (order: number): number => {
    const time = matchedAt(order)
    const phase = time % 1_048_576
    return time + 400 + Math.floor((phase < 524_288 ? phase : 1_048_576 - phase) / 512)
  }

  const lowest = (time: number, of: (order: number) => number): number => {
    const block = Math.floor((time - epoch) / duration)
    const slack = Math.ceil(2_000 / duration)
    let low = Math.max(0, (block - slack) * ORDERS_PER_BLOCK)
    let high = Math.max(0, (block + 2) * ORDERS_PER_BLOCK)
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (of(middle) >= time) {
        high = middle
      } else {
        low = middle + 1
      }
    }
    return low
  }

  let newestOrder = -1
  let from = 0
  let until = 0
  const newest = (now: number): number => {
    if (now < from || now >= until) {
      newestOrder = lowest(now + 1, publishedAt) - 1
      from = newestOrder < 0 ? Number.NEGATIVE_INFINITY : publishedAt(newestOrder)
      until = publishedAt(newestOrder + 1)
    }
    return newestOrder
  }

  return { matchedAt, publishedAt, newest, firstAt: (time) => lowest(time, matchedAt) }
}

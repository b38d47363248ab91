import { Array } from "effect"
import type { Trade } from "../market/Trade.ts"

/** Trades in the order in which they came. */
export interface SeenTrades {
  readonly trades: Array.NonEmptyReadonlyArray<Trade>
  /** How many were left out right before these, because they were not taken in time. */
  readonly lost: number
}

/** What one subscriber has not taken yet: at most so many trades, of which the oldest leave first and are counted. */
export class TradeBacklog {
  private chunks: Array<ReadonlyArray<Trade>> = []
  private held = 0
  private lost = 0
  private readonly most: number
  private readonly symbols: ReadonlySet<string> | undefined

  /**
   * @param most trades that it holds, at least 1.
   * @param symbols whose trades are wanted; undefined: all.
   */
  constructor(most: number, symbols: ReadonlySet<string> | undefined) {
    this.most = Math.max(1, most)
    this.symbols = symbols
  }

  /** Whether any of them is wanted. */
  readonly add = (trades: ReadonlyArray<Trade>): boolean => {
    const { symbols } = this
    const wanted = symbols === undefined ? trades : trades.filter(({ symbol }) => symbols.has(symbol))
    if (wanted.length === 0) return false
    this.chunks.push(wanted)
    this.held += wanted.length
    while (this.held > this.most) this.dropOldest(this.held - this.most)
    return true
  }

  /** All that it holds, which it holds no more; undefined when there is nothing. */
  readonly take = (): SeenTrades | undefined => {
    const trades = this.chunks.length === 1 ? (this.chunks[0] ?? []) : this.chunks.flat()
    if (!Array.isReadonlyArrayNonEmpty(trades)) return undefined
    const seen = { trades, lost: this.lost }
    this.chunks = []
    this.held = 0
    this.lost = 0
    return seen
  }

  private dropOldest(excess: number): void {
    const oldest = this.chunks.shift() ?? []
    if (oldest.length > excess) this.chunks.unshift(oldest.slice(excess))
    const dropped = Math.min(oldest.length, excess)
    this.held -= dropped
    this.lost += dropped
  }
}

import type { Trade } from "../market/Trade.ts"

/** More ids than any symbol trades in a day: a jump beyond this is a bogus id until the next one follows it. */
const LARGEST_JUMP = 10_000_000

interface Position {
  /** The highest id that was let through. */
  last: number
  /** A trade that jumped too far, until the next one tells. */
  suspect: Trade | undefined
}

/**
 * Looks at ids on their way to the database, in memory: what is missing and what is there already is for the ledger to say, and losing
 * this loses nothing. It only keeps a bogus id from moving a symbol's high, since everything below it would then count as missing.
 */
export class Continuity {
  private readonly positions = new Map<string, Position>()

  /** How many trades were taken for bogus, in all. */
  bogus = 0

  /** Tells where a symbol stands in the database. */
  readonly begin = (symbol: string, high: number): void => {
    this.positions.set(symbol, { last: high, suspect: undefined })
  }

  /** The trades that may be committed, in their order; one that jumped comes with the one that follows it. */
  readonly admit = (batch: ReadonlyArray<Trade>): ReadonlyArray<Trade> => {
    let admitted: Array<Trade> | undefined
    for (const [index, trade] of batch.entries()) {
      const position = this.positions.get(trade.symbol)
      if (position === undefined) {
        this.positions.set(trade.symbol, { last: trade.id, suspect: undefined })
        admitted?.push(trade)
        continue
      }
      const { suspect } = position
      position.suspect = undefined
      const follows = suspect !== undefined && trade.id === suspect.id + 1
      if (suspect !== undefined && !follows) this.bogus += 1
      if (trade.id - position.last > LARGEST_JUMP && !follows) {
        position.suspect = trade
        admitted ??= batch.slice(0, index)
        continue
      }
      if (follows) admitted?.push(suspect)
      admitted?.push(trade)
      if (follows && admitted === undefined) admitted = [...batch.slice(0, index), suspect, trade]
      position.last = Math.max(position.last, trade.id)
    }
    return admitted ?? batch
  }
}

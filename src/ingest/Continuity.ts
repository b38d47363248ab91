import { isStorable } from "../market/decimal.ts"
import type { Trade } from "../market/Trade.ts"

/**
 * A jump beyond this is a bogus id until the next one follows it: behind one that counted, every real id would be missing. To wait for one
 * more trade costs nothing, so this is far below what a reconnect leaves out.
 */
const LARGEST_JUMP = 10_000

/** Runs of a symbol that have not come yet and are remembered; of ids before them the database decides. */
const MOST_HOLES = 1_000

/** µs: a time that another connection cut to milliseconds is earlier by less than this. */
const MILLISECOND = 1_000

/** The newest trade of a symbol that was received, committed or not. */
export interface NewestTrade extends Pick<Trade, "symbol" | "id" | "time"> {}

interface Hole {
  first: number
  last: number
}

interface Position {
  /** The ids from here to `last` were let through, but for those in `holes`. What is before it nobody here knows. */
  from: number
  last: number
  /** Of the trade `last`, in µs; 0: it did not come through here. */
  lastTime: number
  /** Ascending. */
  readonly holes: Array<Hole>
  /** A trade that jumped too far, until the next one tells. */
  suspect: Trade | undefined
}

/**
 * Looks at ids on their way to the database, in memory: what is missing and what is there already is for the ledger to say, and losing
 * this loses nothing. It leaves out what this process let through before, as two connections deliver it, and keeps a bogus id from
 * moving a symbol's high, since everything below it would then count as missing. Ids that went back although time goes on are left out
 * too: the exchange numbers anew. The database would know them, but not once another writer has moved on.
 */
export class Continuity {
  private readonly positions = new Map<string, Position>()
  private readonly largestJump: number
  private suspects: Array<Trade> = []
  private anew: Array<Trade> = []

  /** How many trades were left out because they had been let through before, in all. */
  duplicates = 0

  /** How many trades were taken for bogus, in all. */
  bogus = 0

  /** @param mostMissing ids of one hole that are fetched at most: a jump that gives ids up has to be true. */
  constructor(mostMissing = Number.POSITIVE_INFINITY) {
    this.largestJump = Math.min(LARGEST_JUMP, mostMissing)
  }

  /** Tells where a symbol stands in the database. */
  readonly begin = (symbol: string, high: number): void => {
    this.positions.set(symbol, { from: high + 1, last: high, lastTime: 0, holes: [], suspect: undefined })
  }

  /** The trades that may be committed, in their order; one that jumped comes with the one that follows it. */
  readonly admit = (trades: ReadonlyArray<Trade>): ReadonlyArray<Trade> => {
    let admitted: Array<Trade> | undefined
    let index = 0
    for (const trade of trades) {
      const position = this.positions.get(trade.symbol)
      const suspect = position?.suspect
      if (this.lets(trade, position)) {
        if (suspect !== undefined && trade.id === suspect.id + 1) (admitted ??= trades.slice(0, index)).push(suspect)
        admitted?.push(trade)
      } else {
        admitted ??= trades.slice(0, index)
      }
      index += 1
    }
    return admitted ?? trades
  }

  /** The trades that jumped too far since the last call, to ask the exchange about. */
  readonly takeSuspects = (): ReadonlyArray<Trade> => {
    const { suspects } = this
    if (suspects.length > 0) this.suspects = []
    return suspects
  }

  /** The trades that were numbered anew since the last call. */
  readonly takeAnew = (): ReadonlyArray<Trade> => {
    const { anew } = this
    if (anew.length > 0) this.anew = []
    return anew
  }

  /** Of each symbol that came through here, the id and the time of the newest trade. */
  get newest(): ReadonlyArray<NewestTrade> {
    return [...this.positions].flatMap(([symbol, { last, lastTime }]) =>
      lastTime > 0 ? [{ symbol, id: last, time: lastTime }] : [],
    )
  }

  /** Whether nothing has come that tells whether the trade is bogus. */
  readonly isSuspect = (trade: Trade): boolean => this.positions.get(trade.symbol)?.suspect === trade

  private lets(trade: Trade, position: Position | undefined): boolean {
    const { id, symbol, time } = trade
    if (position === undefined) {
      const begun: Position = { from: id, last: id - 1, lastTime: time, holes: [], suspect: undefined }
      this.positions.set(symbol, begun)
      reach(begun, trade)
      return true
    }
    const { last, suspect } = position
    if (suspect !== undefined) {
      position.suspect = undefined
      if (id === suspect.id + 1) {
        reach(position, suspect)
        reach(position, trade)
        return true
      }
      this.bogus += 1
    }
    if (id > last) {
      if (id - last <= this.largestJump) {
        reach(position, trade)
        return true
      }
      position.suspect = trade
      this.suspects.push(trade)
      return false
    }
    if (position.lastTime > 0 && time > position.lastTime + MILLISECOND) {
      this.anew.push(trade)
      return false
    }
    if (id < position.from || fills(position.holes, trade)) return true
    // Counted and kept by the database, as a broken one.
    if (!isWhole(trade)) return true
    this.duplicates += 1
    return false
  }
}

/** Moves on to a trade above all others. */
const reach = (position: Position, trade: Trade): void => {
  const { id, time } = trade
  const first = position.last + 1
  const last = isWhole(trade) ? id - 1 : id
  if (first <= last) {
    position.holes.push({ first, last })
    if (position.holes.length > MOST_HOLES) position.from = (position.holes.shift()?.last ?? position.from) + 1
  }
  position.last = id
  position.lastTime = time
}

/** One that the database cannot hold is not the trade of its id: that may come yet. */
const isWhole = ({ price, quantity }: Trade): boolean => isStorable(price) && isStorable(quantity)

/** Takes the id of a trade out of the hole that it is in; false when it is in none. */
const fills = (holes: Array<Hole>, trade: Trade): boolean => {
  const { id } = trade
  for (let index = holes.length - 1; index >= 0; index--) {
    const hole = holes[index]
    if (hole === undefined || hole.last < id) return false
    if (hole.first > id) continue
    if (!isWhole(trade)) return false
    if (hole.first === hole.last) holes.splice(index, 1)
    else if (hole.first === id) hole.first += 1
    else if (hole.last === id) hole.last -= 1
    else {
      holes.splice(index + 1, 0, { first: id + 1, last: hole.last })
      hole.last = id - 1
    }
    return true
  }
  return false
}

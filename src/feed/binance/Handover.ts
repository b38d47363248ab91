import type { Trade } from "../../market/Trade.ts"

/** When this many trades wait for the present connection, the next one is better not read. About 25 MB. */
const MOST_HELD = 65_536

/** Where one symbol stands. */
interface Place {
  /** The newest that came out. */
  last: Trade | undefined
  /** Whether `last` came from another connection than the present one, which then repeats what came before it. */
  ahead: boolean
  /** The first that the next connection brought. */
  first: Trade | undefined
  taken: boolean
  /** What the next connection brought too early, in order. */
  held: Array<Trade>
}

/**
 * Makes one stream of two connections to the same symbols, while the next one replaces the present one: it is told what each of them
 * delivers, and says what comes out.
 *
 * The next connection takes a symbol over once the present one has delivered its first id of it; until then its trades are held. From
 * then on whichever is first counts, so that the loss of either loses nothing that the other brings. As long as each of them delivers
 * consecutive ids, what comes out is in the order of the ids, with all that either delivered, and each once.
 */
export class Handover {
  private readonly symbols: ReadonlyArray<string>
  /** Of the symbols that a trade has to be looked at for. */
  private readonly places = new Map<string, Place>()
  private pending: Set<string> = new Set()
  private underWay = false
  private waiting = 0
  private readonly count: (change: number) => void

  /** @param count is told how the number of held trades changes. */
  constructor(symbols: ReadonlyArray<string>, count: (change: number) => void = () => {}) {
    this.symbols = symbols
    this.count = count
  }

  /** Whether the present connection's trades need not pass through here. */
  get isIdle(): boolean {
    return !this.underWay && this.places.size === 0
  }

  /** Whether every symbol was taken over. */
  get isDone(): boolean {
    return this.underWay && this.pending.size === 0
  }

  /** Whether so many trades are held that more should not be read from the next connection. */
  get isFull(): boolean {
    return this.waiting >= MOST_HELD
  }

  /** To be called before the next connection is dialled: what comes out from now on is remembered. */
  begin(): void {
    this.underWay = true
    this.pending = new Set(this.symbols)
  }

  /** What comes out when the present connection delivers: the same array, where there is nothing to change. */
  fromPresent(trades: ReadonlyArray<Trade>): ReadonlyArray<Trade> {
    if (!this.underWay && !trades.some(({ symbol }) => this.places.has(symbol))) return trades
    const out: Array<Trade> = []
    for (const trade of trades) {
      const place = this.underWay ? this.placeOf(trade.symbol) : this.places.get(trade.symbol)
      if (place?.ahead === true && isRepeated(trade, place.last)) continue
      out.push(trade)
      if (place === undefined) continue
      if (!isRepeated(trade, place.last)) place.last = trade
      place.ahead = false
      if (!this.underWay) this.places.delete(trade.symbol)
      else if (reached(place.last, place.first)) this.takeOver(trade.symbol, place, out)
      else if (place.first === undefined && reached(place.last, place.held.at(-1))) this.forget(place)
    }
    return out
  }

  /** What comes out when the next connection delivers. */
  fromNext(trades: ReadonlyArray<Trade>): ReadonlyArray<Trade> {
    const out: Array<Trade> = []
    for (const trade of trades) {
      const place = this.placeOf(trade.symbol)
      if (place.taken) {
        if (!place.ahead && isRepeated(trade, place.last)) continue
        out.push(trade)
        if (!isRepeated(trade, place.last)) place.last = trade
        place.ahead = true
        continue
      }
      place.first ??= trade
      if (!isRepeated(trade, place.held.at(-1))) {
        place.held.push(trade)
        this.waiting += 1
        this.count(1)
      }
      if (reached(place.last, place.first)) this.takeOver(trade.symbol, place, out)
    }
    return out
  }

  /** The next connection is lost. What it brought early is kept, until the present one has brought it too or another one comes. */
  loseNext(): void {
    this.pending = new Set(this.symbols)
    // Another one needs room.
    const tooMuch = this.waiting > MOST_HELD / 2
    for (const place of this.places.values()) {
      place.first = undefined
      place.taken = false
      if (tooMuch) this.forget(place)
    }
  }

  /** Nothing is waited for any more: what comes out of what was held. Every symbol counts as taken over. */
  release(): ReadonlyArray<Trade> {
    const out: Array<Trade> = []
    for (const [symbol, place] of this.places) this.takeOver(symbol, place, out)
    this.pending.clear()
    return out
  }

  /** The present connection is gone, and the next one is the present one. Nothing may be held. */
  complete(): void {
    this.underWay = false
    for (const [symbol, place] of this.places) {
      if (place.last === undefined || place.ahead) this.places.delete(symbol)
      else this.places.set(symbol, { last: place.last, ahead: true, first: undefined, taken: false, held: [] })
    }
  }

  private placeOf(symbol: string): Place {
    const known = this.places.get(symbol)
    if (known !== undefined) return known
    const place: Place = { last: undefined, ahead: false, first: undefined, taken: false, held: [] }
    this.places.set(symbol, place)
    return place
  }

  private takeOver(symbol: string, place: Place, out: Array<Trade>): void {
    for (const trade of place.held) {
      if (isRepeated(trade, place.last)) continue
      out.push(trade)
      place.last = trade
      place.ahead = true
    }
    this.forget(place)
    place.taken = true
    this.pending.delete(symbol)
  }

  private forget(place: Place): void {
    if (place.held.length === 0) return
    this.waiting -= place.held.length
    this.count(-place.held.length)
    place.held = []
  }
}

const reached = (last: Trade | undefined, first: Trade | undefined): boolean =>
  last !== undefined && first !== undefined && last.id >= first.id

/** A lower id with a later time is no repetition: the exchange numbers its trades anew, and others have to see it. */
const isRepeated = (trade: Trade, last: Trade | undefined): boolean =>
  last !== undefined && trade.id <= last.id && trade.time <= last.time

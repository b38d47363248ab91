import { type Channel } from "../source/MarketSource.ts"
import { type IdRange, type IdRanges, makeIdRanges } from "./IdRanges.ts"

/** Which trades of a symbol reached at least one connection's socket. */
export interface SentOfSymbol {
  readonly firstId: number
  readonly lastId: number
  /** Distinct ids. */
  readonly count: number
  /** In ascending order, both ends included. */
  readonly ranges: ReadonlyArray<IdRange>
}

/** The trades that left this exchange, by symbol; each counted when the operating system took its bytes. */
export interface SentTrades {
  readonly add: (channel: Channel, first: number, last: number) => void
  readonly bySymbol: () => Readonly<Record<string, SentOfSymbol>>
  /** Distinct trades of one symbol, or of all. */
  readonly total: (symbol?: string) => number
}

/** Nothing sent yet. */
export const makeSentTrades = (): SentTrades => {
  const symbols = new Map<string, IdRanges>()

  const add = (channel: Channel, first: number, last: number): void => {
    if (channel.symbol === undefined) {
      return
    }
    let ids = symbols.get(channel.symbol)
    if (ids === undefined) {
      ids = makeIdRanges()
      symbols.set(channel.symbol, ids)
    }
    const firstId = channel.tradeId(first)
    const lastId = channel.tradeId(last)
    if (lastId - firstId === last - first) {
      ids.add(firstId, lastId)
      return
    }
    for (let position = first; position <= last; position++) {
      const id = channel.tradeId(position)
      ids.add(id, id)
    }
  }

  const bySymbol = () => {
    const entries: Array<[string, SentOfSymbol]> = []
    for (const [symbol, ids] of symbols) {
      const ranges = ids.ranges()
      const [start] = ranges
      const end = ranges.at(-1)
      if (start !== undefined && end !== undefined) {
        entries.push([symbol, { firstId: start.first, lastId: end.last, count: ids.count(), ranges }])
      }
    }
    return Object.fromEntries(entries)
  }

  const total = (symbol?: string): number =>
    symbol === undefined
      ? [...symbols.values()].reduce((sum, ids) => sum + ids.count(), 0)
      : (symbols.get(symbol)?.count() ?? 0)

  return { add, bySymbol, total }
}

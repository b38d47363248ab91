import { inTimeUnit, recordedIdentity, recordedTrade, type RecordedEvent } from "./captureLine.ts"
import { listingOf } from "./Listing.ts"
import { type Channel, type SourceAggregate, type SymbolTrades } from "./MarketSource.ts"

/** How a capture's clock runs. */
export interface Replay {
  /** The receive time, µs, that the replay starts at; before every event's. */
  readonly origin: number
  /** How much faster than recorded; 0: everything at once, as fast as the client reads. */
  readonly speed: number
}

/** The lowest index in 0..length for which `is` holds; it holds for all that follow. */
const lowestIndex = (length: number, is: (index: number) => boolean): number => {
  let low = 0
  let high = length
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (is(middle)) {
      high = middle
    } else {
      low = middle + 1
    }
  }
  return low
}

/** One recorded stream, whose events are at positions 0, 1, …; its clock starts with its first subscriber. */
export const makeCaptureChannel = (stream: string, events: ReadonlyArray<RecordedEvent>, replay: Replay): Channel => {
  const isTrades = stream.endsWith("@trade")
  const ids = isTrades ? events.map(({ json }) => recordedIdentity(json)?.id ?? Number.NaN) : []
  const symbol = isTrades && events[0] !== undefined ? recordedIdentity(events[0].json)?.symbol : undefined
  let startedAt: number | undefined

  const newest = (now: number): number => {
    if (startedAt === undefined || replay.speed === 0) {
      return startedAt === undefined ? -1 : events.length - 1
    }
    const reached = replay.origin + (now - startedAt) * replay.speed
    return lowestIndex(events.length, (index) => (events[index]?.received ?? reached) > reached) - 1
  }

  return {
    stream,
    symbol,
    start: (now) => {
      startedAt ??= now
    },
    newest,
    event: (position, micros) => inTimeUnit(events[position]?.json ?? "", micros),
    tradeId: (position) => ids[position] ?? Number.NaN,
  }
}

/** The trades of a recorded `@trade` stream that were replayed so far; each is an aggregate of its own. */
export const makeCaptureTrades = (channel: Channel, symbol: string, length: number): SymbolTrades => {
  const tradeAt = (position: number) =>
    position < 0 || position >= length ? undefined : recordedTrade(channel.event(position, true))
  const trade = (id: number) => {
    const found = tradeAt(lowestIndex(length, (position) => channel.tradeId(position) >= id))
    return found?.id === id ? found : undefined
  }
  const aggregate = (id: number): SourceAggregate | undefined => {
    const found = trade(id)
    return found === undefined ? undefined : { ...found, firstTradeId: id, lastTradeId: id }
  }
  return {
    listing: listingOf(symbol),
    oldest: () => channel.tradeId(0),
    newest: (now) => {
      const position = channel.newest(now)
      return position < 0 ? undefined : channel.tradeId(position)
    },
    trade,
    firstAt: (time) => {
      const position = lowestIndex(length, (index) => (tradeAt(index)?.time ?? time) >= time)
      return position < length ? channel.tradeId(position) : channel.tradeId(length - 1) + 1
    },
    aggregateOf: aggregate,
    aggregate,
  }
}

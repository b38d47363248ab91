import { Duration } from "effect"
import { type Cursor } from "../protocol/Cursor.ts"
import { type Outlet } from "../protocol/Outlet.ts"
import { type Session } from "../protocol/Session.ts"
import { sendBogus } from "./bogusTrade.ts"
import { type Fault } from "./Fault.ts"
import { type FaultDetail } from "./FaultDetail.ts"
import { type FaultTarget } from "./FaultTarget.ts"
import { halfFrame, newestTrade, type NewestTrade, sendForeign, sendMalformed, tradeStream } from "./faultyFrames.ts"
import { type RestFault } from "./RestFault.ts"

/** The faults that happen on streams; the others are states of the exchange that last a while. */
export type StreamFault = Exclude<Fault, RestFault | { readonly kind: "refuse" | "lifetime" }>

const withhold = (outlet: Outlet, count: number, now: number) => {
  const first = outlet.channel.newest(now) + 1
  outlet.withhold({ first, last: first + count - 1 })
  const firstId = outlet.channel.tradeId(first)
  return { symbol: outlet.channel.symbol, firstId, lastId: firstId + count - 1 }
}

/** Does it now, to the oldest `fault.connections` connections that it concerns or to all, and says what was done. */
export const applyFault = (fault: StreamFault, target: FaultTarget, now: number): FaultDetail => {
  const { met, source, streams } = target
  const named = "symbol" in fault ? fault.symbol : undefined
  const symbols = named === undefined ? [...source.symbols.keys()] : [named]
  const open = streams.sessions().filter(({ connection }) => connection.open())
  const everyone = open.slice(0, fault.connections)
  const streamNames = new Set(symbols.map(tradeStream))
  const cursorsOf = ({ connection }: Session): ReadonlyArray<Cursor> =>
    connection.cursors().filter((cursor) => cursor.outlet !== undefined && streamNames.has(cursor.stream))
  const subscribers = open.filter((session) => cursorsOf(session).length > 0).slice(0, fault.connections)
  const connections = (of: ReadonlyArray<Session>) => ({ connections: of.map(({ connection }) => connection.id) })
  const done = (to: ReadonlyArray<Session>, more: FaultDetail = {}): FaultDetail => {
    met.add(fault.kind, to.length)
    return { ...connections(to), ...more }
  }
  const withNewest = (act: (session: Session, trade: NewestTrade) => void): ReadonlyArray<Session> => {
    const trade = newestTrade(source, streams, symbols[0] ?? "", now)
    if (trade === undefined) {
      return []
    }
    everyone.forEach((session) => act(session, trade))
    return everyone
  }

  switch (fault.kind) {
    case "drop":
      for (const session of everyone) {
        if (fault.midFrame === true) {
          session.connection.sendBytes(halfFrame)
        }
        session.cut({ reset: fault.reset === true })
      }
      return done(everyone)
    case "close":
      everyone.forEach((session) => session.close(fault.code ?? 1001, fault.reason ?? ""))
      return done(everyone)
    case "skip":
      return {
        withheld: symbols
          .flatMap((symbol) => streams.outlet(tradeStream(symbol)) ?? [])
          .map((outlet) => withhold(outlet, fault.ids, now)),
      }
    case "repeat": {
      const to = subscribers.filter((session) => {
        const repeating = cursorsOf(session).filter((cursor) => cursor.repeat(fault.ids, now))
        session.connection.pump()
        return repeating.length > 0
      })
      return done(to, { ids: fault.ids })
    }
    case "reorder":
      for (const session of subscribers) {
        let noted = false
        const note = (): void => {
          met.add("reorder", noted ? 0 : 1)
          noted = true
        }
        cursorsOf(session).forEach((cursor) => cursor.reverse(fault.ids, now, note))
      }
      return { ...connections(subscribers), ids: fault.ids }
    case "silence": {
      const duration = Duration.toMillis(fault.for)
      const how = { pings: fault.pings ?? true, lose: fault.lose ?? false }
      everyone.forEach(({ connection }) => connection.silence(duration, how))
      return done(everyone, { ...how, for: duration })
    }
    case "stall": {
      const duration = fault.for === undefined ? Number.POSITIVE_INFINITY : Duration.toMillis(fault.for)
      subscribers.flatMap(cursorsOf).forEach((cursor) => cursor.stall(now + duration * 1000))
      return done(subscribers, { symbol: fault.symbol, ...(fault.for === undefined ? {} : { for: duration }) })
    }
    case "malformed": {
      const variant = fault.variant ?? "truncated"
      const to = withNewest(({ connection }, trade) =>
        fault.text === undefined ? sendMalformed(connection, trade, variant) : connection.sendText(fault.text),
      )
      return done(to, { variant: fault.text === undefined ? variant : "text" })
    }
    case "foreign": {
      const variant = fault.variant ?? "event"
      return done(
        withNewest(({ connection }, trade) => sendForeign(connection, trade, variant)),
        { variant },
      )
    }
    case "jump":
    case "regress": {
      const { to, ...sent } = sendBogus(fault, target, now) ?? { to: [] }
      return done(to, sent)
    }
    case "serverShutdown":
      for (const session of everyone) {
        session.announceShutdown()
        if (fault.closeAfter !== undefined) {
          setTimeout(() => session.close(1001, ""), Duration.toMillis(fault.closeAfter)).unref()
        }
      }
      return done(everyone)
  }
}

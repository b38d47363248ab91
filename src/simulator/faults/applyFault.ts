import { Duration } from "effect"
import { type Outlet } from "../protocol/Outlet.ts"
import { type Session } from "../protocol/Session.ts"
import { type StreamServer } from "../protocol/StreamServer.ts"
import { type MarketSource } from "../source/MarketSource.ts"
import { type Fault } from "./Fault.ts"
import { type FaultDetail } from "./FaultDetail.ts"
import { halfFrame, newestTrade, sendForeign, sendJump, sendMalformed } from "./faultyFrames.ts"
import { type RestFault } from "./RestFault.ts"

/** The faults that happen on streams; the others are states of the exchange that last a while. */
export type StreamFault = Exclude<Fault, RestFault | { readonly kind: "refuse" | "lifetime" }>

const ids = (outlet: Outlet, first: number, count: number) => {
  const firstId = outlet.channel.tradeId(first)
  return { symbol: outlet.channel.symbol, firstId, lastId: firstId + count - 1 }
}

/** Does it now, to the oldest `fault.connections` connections or to all, and says what was done. */
export const applyFault = (
  fault: StreamFault,
  source: MarketSource,
  streams: StreamServer,
  now: number,
): FaultDetail => {
  const sessions = streams.sessions().slice(0, fault.connections)
  const symbols = "symbol" in fault && fault.symbol !== undefined ? [fault.symbol] : [...source.symbols.keys()]
  const tradeStreams = new Set(symbols.map((symbol) => `${symbol.toLowerCase()}@trade`))
  const detail = { connections: sessions.map(({ connection }) => connection.id) }
  const eachCursor = (act: (cursor: ReturnType<Session["connection"]["cursors"]>[number]) => void) => {
    for (const { connection } of sessions) {
      connection
        .cursors()
        .filter((cursor) => tradeStreams.has(cursor.stream))
        .forEach(act)
      connection.pump()
    }
  }
  const eachWithTrade = (act: (session: Session, trade: NonNullable<ReturnType<typeof newestTrade>>) => void) => {
    for (const symbol of symbols.slice(0, 1)) {
      const trade = newestTrade(source, streams, symbol, now)
      if (trade !== undefined) {
        sessions.forEach((session) => act(session, trade))
      }
    }
  }

  switch (fault.kind) {
    case "drop":
      for (const session of sessions) {
        if (fault.midFrame === true) {
          session.connection.sendBytes(halfFrame)
        }
        session.cut({ reset: fault.reset === true })
      }
      return detail
    case "close":
      sessions.forEach((session) => session.close(fault.code ?? 1001, fault.reason ?? ""))
      return detail
    case "skip": {
      const outlets = [...tradeStreams].flatMap((stream) => streams.outlet(stream) ?? [])
      const withheld = outlets.map((outlet) => {
        const first = outlet.channel.newest(now) + 1
        outlet.withhold({ first, last: first + fault.ids - 1 })
        return ids(outlet, first, fault.ids)
      })
      return { withheld }
    }
    case "repeat":
      eachCursor((cursor) => cursor.repeat(fault.ids))
      return { ...detail, ids: fault.ids }
    case "reorder":
      eachCursor((cursor) => cursor.reverse(fault.ids, now))
      return { ...detail, ids: fault.ids }
    case "silence": {
      const duration = Duration.toMillis(fault.for)
      const how = { pings: fault.pings ?? true, lose: fault.lose ?? false }
      sessions.forEach(({ connection }) => connection.silence(duration, how))
      return { ...detail, ...how, for: duration }
    }
    case "malformed":
      eachWithTrade(({ connection }, trade) =>
        fault.text === undefined
          ? sendMalformed(connection, trade, fault.variant ?? "truncated")
          : connection.sendText(fault.text),
      )
      return { ...detail, variant: fault.text === undefined ? (fault.variant ?? "truncated") : "text" }
    case "foreign":
      eachWithTrade(({ connection }, trade) => sendForeign(connection, trade, fault.variant ?? "event"))
      return { ...detail, variant: fault.variant ?? "event" }
    case "jump": {
      const distance = fault.ids ?? 20_000_000
      eachWithTrade(({ connection }, trade) => sendJump(connection, trade, distance))
      return { ...detail, ids: distance }
    }
    case "serverShutdown":
      for (const session of sessions) {
        session.announceShutdown()
        if (fault.closeAfter !== undefined) {
          setTimeout(() => session.close(1001, ""), Duration.toMillis(fault.closeAfter)).unref()
        }
      }
      return detail
  }
}

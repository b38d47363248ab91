import { type IncomingMessage } from "node:http"
import { Socket } from "node:net"
import { type Duplex } from "node:stream"
import { WebSocketServer } from "ws"
import { type MarketSource } from "../source/MarketSource.ts"
import { type ConnectionHost, makeConnection } from "./Connection.ts"
import { type ExchangeClock } from "./ExchangeClock.ts"
import { refuseHandshake } from "./refuseHandshake.ts"
import { type Limits } from "./Limits.ts"
import { type MessageRate, makeMessageRate } from "./MessageRate.ts"
import { makeOutlet, type Outlet } from "./Outlet.ts"
import { makeSentTrades, type SentTrades } from "./SentTrades.ts"
import { makeSession, type Session } from "./Session.ts"
import { parseStreamPath } from "./StreamPath.ts"

/** How often, in ms, connections get what has become public. */
const PUMP_INTERVAL = 2

/** The market streams of the exchange. */
export interface StreamServer {
  /** Takes over a socket that asks to become a WebSocket. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  /** Oldest first. */
  readonly sessions: () => ReadonlyArray<Session>
  readonly outlet: (stream: string) => Outlet | undefined
  readonly sent: SentTrades
  /** How many trades were withheld from at least one subscriber, by now. */
  readonly passedOver: () => number
  /** When the first client subscribed to a stream that exists, µs; undefined: none did. */
  readonly firstSubscription: () => number | undefined
  /** How many handshakes were completed. */
  readonly opened: () => number
  /** Cuts every connection and stops. */
  readonly close: () => void
}

export interface StreamServerOptions {
  readonly source: MarketSource
  readonly clock: ExchangeClock
  readonly limits: Limits
  /** An HTTP status to refuse handshakes with; asked at each one. */
  readonly refusal: () => number | undefined
  /** Called for each new session; asked at each one. */
  readonly onOpen: (session: Session) => void
}

const ATTEMPTS_WINDOW = 5 * 60_000

/** Serves streams from a source of trades. */
export const makeStreamServer = (options: StreamServerOptions): StreamServer => {
  const { clock, limits, source } = options
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, autoPong: false, maxPayload: 65_536 })
  const sessions = new Map<number, Session>()
  const outlets = new Map<string, Outlet>()
  const attempts = new Map<string, MessageRate>()
  const sent = makeSentTrades()
  let opened = 0
  let firstSubscription: number | undefined

  const outlet = (stream: string): Outlet | undefined => {
    const kept = outlets.get(stream)
    const channel = kept === undefined ? source.channel(stream) : undefined
    if (channel === undefined) {
      return kept
    }
    const made = makeOutlet(channel)
    outlets.set(stream, made)
    return made
  }

  const host: ConnectionHost = {
    clock,
    outlet: (stream) => {
      const found = outlet(stream)
      if (found !== undefined) {
        firstSubscription ??= clock()
      }
      return found
    },
    sent: sent.add,
  }

  const mayAttempt = (address: string): boolean => {
    if (limits.connectionAttempts === undefined) {
      return true
    }
    const rate = attempts.get(address) ?? makeMessageRate(limits.connectionAttempts, ATTEMPTS_WINDOW)
    attempts.set(address, rate)
    return rate.allow(performance.now())
  }

  const pumping = setInterval(() => {
    for (const { connection } of sessions.values()) {
      connection.pump()
    }
  }, PUMP_INTERVAL)

  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (!(socket instanceof Socket)) {
      socket.destroy()
      return
    }
    socket.on("error", () => socket.destroy())
    const path = parseStreamPath(request.url ?? "")
    const status =
      options.refusal() ??
      ("status" in path ? path.status : undefined) ??
      (mayAttempt(socket.remoteAddress ?? "") ? undefined : 429)
    if (status !== undefined || "status" in path) {
      refuseHandshake(socket, status ?? 400)
      return
    }
    server.handleUpgrade(request, socket, head, (ws) => {
      opened += 1
      const id = opened
      const excess = path.streams.length > limits.streamsPerConnection
      const connection = makeConnection(id, ws, socket, excess ? { ...path, streams: [] } : path, host)
      const session = makeSession(connection, ws, socket, limits, clock)
      sessions.set(id, session)
      ws.on("close", () => sessions.delete(id))
      if (excess) {
        connection.sendText(`{"error":{"code":4,"msg":"Too many subscriptions"}}`)
        session.close(1008, "Invalid request")
      }
      options.onOpen(session)
    })
  }

  return {
    upgrade,
    sessions: () => [...sessions.values()],
    outlet,
    sent,
    passedOver: () => [...outlets.values()].reduce((sum, outlet) => sum + outlet.passed(), 0),
    firstSubscription: () => firstSubscription,
    opened: () => opened,
    close: () => {
      clearInterval(pumping)
      sessions.forEach((session) => session.cut({ reset: false }))
      server.clients.forEach((ws) => ws.terminate())
      server.close()
    },
  }
}

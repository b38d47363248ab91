import type { ConnectionStatus } from "../feed/TradeFeed.ts"
import type { NewestTrade } from "../ingest/Continuity.ts"
import type { BinanceCheck, Connection, Status } from "./HealthChecks.ts"

/** How the connections are, and when that began; without any, nothing began. */
export const binanceStatus = (
  connections: ReadonlyArray<ConnectionStatus>,
): { readonly status: Status; readonly began: number | undefined } => {
  const up = connections.filter(isUp).map(sinceOf)
  const lost = connections.filter((connection) => !isUp(connection)).map(sinceOf)
  if (connections.length === 0) return { status: "down", began: undefined }
  if (lost.length === 0) return { status: "up", began: Math.max(...up) }
  if (up.length === 0) return { status: "down", began: Math.max(...lost) }
  return { status: "degraded", began: Math.max(Math.min(...up), Math.min(...lost)) }
}

/** What there is to say about them. */
export const binanceDetail = (connections: ReadonlyArray<ConnectionStatus>): string => {
  if (connections.length === 0) return "No connection to the exchange was opened yet."
  const lost = connections.filter((connection) => !isUp(connection))
  if (lost.length > 0) return lost.map(disconnected).join(" ")
  return `${connections.length === 1 ? "The connection" : `Each of the ${connections.length} connections`} to the exchange is up.`
}

/** One connection, as it is shown. */
export const shownConnection = (status: ConnectionStatus, now: number): Connection => {
  const { disconnectedAt: _, lastFrameAt, lastLoss, nextRotationAt, sinceMonotonic: __, ...shown } = status
  return {
    ...shown,
    since: iso(sinceOf(status)),
    nextRotation: nextRotationAt === undefined ? null : iso(nextRotationAt),
    secondsSinceLastFrame: lastFrameAt === undefined ? null : Math.max(0, now - lastFrameAt) / 1000,
    lastLoss: lastLoss ?? null,
  }
}

/** The newest trade of every symbol of the connections. */
export const lastTrades = (
  connections: ReadonlyArray<ConnectionStatus>,
  newest: ReadonlyArray<NewestTrade>,
  now: number,
): BinanceCheck["symbols"] => {
  const bySymbol = new Map(newest.map((trade) => [trade.symbol, trade]))
  return connections.flatMap(({ symbols }) =>
    symbols.map((symbol) => {
      const trade = bySymbol.get(symbol)
      if (trade === undefined) return { symbol, lastTrade: null, lagSeconds: null }
      return {
        symbol,
        lastTrade: { id: trade.id, time: iso(trade.time / 1000) },
        lagSeconds: Math.max(0, now * 1_000 - trade.time) / 1_000_000,
      }
    }),
  )
}

const disconnected = (status: ConnectionStatus): string => {
  const { host, lastLoss, symbols } = status
  const what = `No trades of ${symbols.join(", ")} arrive since ${iso(sinceOf(status))}`
  return lastLoss === undefined
    ? `${what}: ${host} is being dialled for the first time.`
    : `${what}: ${lastLoss} The service keeps trying; check the network and BINANCE_WS_URL if this lasts.`
}

const isUp = ({ state }: ConnectionStatus): boolean => state === "connected"

const sinceOf = ({ disconnectedAt, since }: ConnectionStatus): number => disconnectedAt ?? since

const iso = (millis: number): string => new Date(millis).toISOString()

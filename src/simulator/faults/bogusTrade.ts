import { type Session } from "../protocol/Session.ts"
import { type StreamServer } from "../protocol/StreamServer.ts"
import { type Fault } from "./Fault.ts"
import { type FaultTarget } from "./FaultTarget.ts"
import { newestTrade, tradeStream } from "./faultyFrames.ts"

/** A trade event that no trade stands behind. */
type BogusTrade = Extract<Fault, { readonly kind: "jump" | "regress" }>

/** What was sent, and to whom. */
export interface SentBogus {
  readonly to: ReadonlyArray<Session>
  readonly symbol: string
  readonly id: number
  /** How far it is from the newest id. */
  readonly ids: number
}

const JUMP = 20_000_000
const REGRESS = 1_000

const subscribers = (streams: StreamServer, symbol: string, now: number): ReadonlyArray<Session> =>
  streams
    .sessions()
    .filter(
      ({ connection }) =>
        connection.open() &&
        connection.cursors().some((cursor) => cursor.stream === tradeStream(symbol) && cursor.flows(now)),
    )

const jumped = (json: string, id: number): string => json.replace(/"t":\d+/, `"t":${id}`)

/** Another price than the real one's, and the time is now: later than the newest trade's, in the same unit. */
const regressed = (json: string, id: number, price: string, now: number): string => {
  const time = Math.max(now, Number(/"T":(\d+)/.exec(json)?.[1]) + 1)
  return jumped(json, id)
    .replace(/"E":\d+/, `"E":${time}`)
    .replace(/"T":\d+/, `"T":${time}`)
    .replace(/"p":"[^"]*"/, `"p":"${price}"`)
}

/**
 * Sends the event to those who get the stream of the named symbol, or of the first one that anybody gets; undefined when
 * nobody does.
 */
export const sendBogus = (fault: BogusTrade, { source, streams }: FaultTarget, now: number): SentBogus | undefined => {
  const symbols = fault.symbol === undefined ? [...source.symbols.keys()] : [fault.symbol]
  const symbol = symbols.find((name) => subscribers(streams, name, now).length > 0)
  const trade = symbol === undefined ? undefined : newestTrade(source, streams, symbol, now)
  if (symbol === undefined || trade === undefined) {
    return undefined
  }
  const to = subscribers(streams, symbol, now).slice(0, fault.connections)
  const ids = fault.ids ?? (fault.kind === "jump" ? JUMP : REGRESS)
  const id = fault.kind === "jump" ? trade.id + ids : Math.max(0, trade.id - ids)
  const price = source.symbols.get(symbol)?.trade(id)?.price === 100_000_000n ? "2.00000000" : "1.00000000"
  for (const { connection } of to) {
    const json = trade.json(connection.micros)
    const time = connection.micros ? now : Math.floor(now / 1000)
    connection.sendEvent(trade.stream, fault.kind === "jump" ? jumped(json, id) : regressed(json, id, price, time))
  }
  return { to, symbol, id, ids }
}

import { type IncomingMessage, type ServerResponse } from "node:http"
import { type Fault } from "./faults/Fault.ts"
import { readFaults } from "./faults/readFaults.ts"
import { type FaultSchedule } from "./faults/FaultSchedule.ts"
import { type ExchangeClock } from "./protocol/ExchangeClock.ts"
import { type StreamServer } from "./protocol/StreamServer.ts"
import { historicalTrades, type RestAnswer } from "./protocol/tradeEndpoints.ts"
import { wantsMicros } from "./protocol/wantsMicros.ts"
import { type MarketSource } from "./source/MarketSource.ts"

export interface InspectionOptions {
  readonly source: MarketSource
  readonly clock: ExchangeClock
  readonly streams: StreamServer
  readonly faults: FaultSchedule
}

/** What the simulator can tell of itself at the moment. */
export const simulatorState = ({ clock, faults, source, streams }: InspectionOptions) => {
  const now = clock()
  const newest = [...source.symbols].map(([symbol, trades]) => [symbol, trades.newest(now) ?? null])
  return {
    time: new Date(Math.floor(now / 1000)).toISOString(),
    opened: streams.opened(),
    connections: streams.sessions().map(({ connection, openedAt }) => ({
      id: connection.id,
      age: (now - openedAt) / 1000,
      combined: connection.combined(),
      timeUnit: connection.micros ? "MICROSECOND" : "MILLISECOND",
      streams: connection.streams(),
      unsentBytes: connection.unsent(),
    })),
    newestId: Object.fromEntries(newest),
    sentTrades: streams.sent.total(),
    faults: {
      pending: faults.pending(),
      counts: faults.counts(),
      met: faults.met(),
      happened: faults.happened(),
    },
  }
}

const faultsIn = (body: string): { readonly faults: ReadonlyArray<Fault> } | { readonly problem: string } => {
  try {
    return { faults: readFaults(body) }
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}

const readBody = (request: IncomingMessage, done: (body: string) => void): void => {
  const chunks: Array<Buffer> = []
  request.on("data", (chunk: Buffer) => chunks.push(chunk))
  request.on("end", () => done(Buffer.concat(chunks).toString("utf8")))
}

/** The trades as they are: asked and answered as historicalTrades is, but no fault and no weight comes in between. */
const trueTrades = (request: IncomingMessage, { clock, source }: InspectionOptions): RestAnswer =>
  historicalTrades({
    query: new URL(request.url ?? "/", "http://exchange").searchParams,
    symbols: source.symbols,
    now: clock(),
    micros: wantsMicros(request),
  })

/**
 * What no exchange has: `GET /simulator/sent` (which trades reached at least one connection), `GET /simulator/trades`
 * (the trades as they are, whatever REST does), `GET /simulator/state`, and `POST /simulator/faults` (a JSON list, added
 * to the schedule).
 */
export const makeInspection = (options: InspectionOptions) => {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const send = (status: number, body: unknown): void => {
      response.statusCode = status
      response.setHeader("Content-Type", "application/json;charset=UTF-8")
      response.end(JSON.stringify(body))
    }
    const route = `${request.method} ${request.url?.split("?")[0]}`
    if (route === "GET /simulator/sent") {
      send(200, options.streams.sent.bySymbol())
    } else if (route === "GET /simulator/trades") {
      const answer = trueTrades(request, options)
      if ("refused" in answer) {
        send(answer.refused.status, { message: answer.refused.msg })
      } else {
        send(200, answer.value)
      }
    } else if (route === "GET /simulator/state") {
      send(200, simulatorState(options))
    } else if (route === "POST /simulator/faults") {
      readBody(request, (body) => {
        const read = faultsIn(body)
        if ("problem" in read) {
          send(400, { message: `These faults cannot be read: ${read.problem}` })
        } else {
          options.faults.add(read.faults)
          send(200, { added: read.faults.length })
        }
      })
    } else {
      send(404, {
        message: "Try GET /simulator/sent, /simulator/trades or /simulator/state, or POST /simulator/faults.",
      })
    }
  }
}

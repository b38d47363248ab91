import { createServer, type Server } from "node:http"
import { type ExchangeClock } from "./protocol/ExchangeClock.ts"
import { makeInspection } from "./Inspection.ts"
import { type Limits } from "./protocol/Limits.ts"
import { makeRestServer } from "./protocol/RestServer.ts"
import { makeStreamServer, type StreamServer } from "./protocol/StreamServer.ts"
import { type FaultSchedule, makeFaultSchedule } from "./faults/FaultSchedule.ts"
import { type MarketSource } from "./source/MarketSource.ts"

/** A whole exchange, not yet listening. */
export interface Exchange {
  readonly server: Server
  readonly streams: StreamServer
  readonly faults: FaultSchedule
  /** Cuts every connection and frees the port. */
  readonly close: () => void
}

/** Puts a source of trades, the protocol and the faults together. */
export const makeExchange = (source: MarketSource, clock: ExchangeClock, limits: Limits): Exchange => {
  const faults = makeFaultSchedule(clock, source)
  const streams = makeStreamServer({
    source,
    clock,
    limits,
    refusal: () => faults.refusal(),
    onOpen: (session) => faults.onOpen(session),
  })
  faults.attach(streams)
  const rest = makeRestServer({ source, clock, limits, interference: faults.rest })
  const inspection = makeInspection({ source, clock, streams, faults })
  const server = createServer((request, response) => {
    if (request.url?.startsWith("/simulator")) {
      inspection(request, response)
    } else {
      rest(request, response)
    }
  })
  server.on("upgrade", streams.upgrade)
  return {
    server,
    streams,
    faults,
    close: () => {
      faults.close()
      streams.close()
      server.close()
      server.closeAllConnections()
    },
  }
}

import { Arrivals } from "./Arrivals.ts"
import { environment } from "./Environment.ts"
import { publicationDelay } from "./publication.ts"
import { Sink, type SinkOptions } from "./Sink.ts"
import { type WireTrade } from "./WireTrade.ts"

export interface ContenderOptions {
  readonly hold?: SinkOptions["hold"]
  /** Takes nothing new from now on. */
  readonly stop: () => void
}

/** The sink of a contender and its end: SIGTERM writes what waits, tells what it measured, and exits. */
export const contender = ({ hold, stop }: ContenderOptions) => {
  const sink = new Sink({ ...environment, ...(hold === undefined ? {} : { hold }) })
  const arrivals = process.env["BENCH_ARRIVALS"] === "1" ? new Arrivals() : undefined
  process.once("SIGTERM", () => {
    stop()
    void sink.end().then(() => {
      arrivals?.tell()
      process.stdout.write(`${JSON.stringify({ dropped: sink.dropped })}\n`)
      process.exit(0)
    })
  })
  return {
    /** One trade as the stream writes it. */
    take: ({ E, T, m, p, q, s, t }: WireTrade): void => {
      if (arrivals !== undefined) {
        // All latencies from the database rest on this.
        if (E - T !== publicationDelay(T))
          throw new Error(`The trade ${t} was published ${E - T} µs after its match, not ${publicationDelay(T)}`)
        arrivals.record(E)
      }
      sink.add(s, t, T, p, q, m ? "SELL" : "BUY")
    },
    arrivals,
    sink,
  }
}

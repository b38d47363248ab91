import { Console, Effect, Number as Num } from "effect"
import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import { eventually } from "../fixtures/service/eventually.ts"
import { type ExchangeProcess, startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { startService } from "../fixtures/service/ServiceProcess.ts"
import { TestPostgres } from "../fixtures/service/TestPostgres.ts"

const SYMBOLS = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "ADAUSDT", "XRPUSDT"]
const RATE = 20_000
const PAIRS = 10
/** Where a pair does not count, because the database could not keep up, another one is measured. */
const MOST_PAIRS = 20
const WINDOW = "10 seconds"

/** Takes what is sent, and counts it: what a collector does with it costs another processor. */
const receiver = Effect.acquireRelease(
  Effect.callback<{ readonly endpoint: string; readonly spans: () => number; readonly close: () => void }>((resume) => {
    let spans = 0
    const server = createServer((request, response) => {
      request
        .setEncoding("latin1")
        .on("data", (text: string) => (spans += text.split('"startTimeUnixNano"').length - 1))
      request.on("end", () => response.writeHead(200, { "content-type": "application/json" }).end("{}"))
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const close = () => {
        server.closeAllConnections()
        server.close()
      }
      resume(Effect.succeed({ endpoint: `http://127.0.0.1:${port}`, spans: () => spans, close }))
    })
  }),
  ({ close }) => Effect.sync(close),
)

/** Seconds that a process was on a processor, in hundredths. */
const processorSeconds = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** Microseconds of processor time a trade, over a while in which it stores what comes. */
const round = Effect.fnUntraced(function* (exchange: ExchangeProcess, env: Readonly<Record<string, string>>) {
  const database = yield* (yield* TestPostgres).create
  // A disk that is slow to sync would make the service spill, and do other work than it is measured for.
  yield* database.query(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET synchronous_commit = off`)
  const service = yield* startService({ exchange, database, symbols: SYMBOLS, env })
  yield* service.stored(RATE * 5, "60 seconds")
  const look = Effect.gen(function* () {
    const { status } = yield* service.metrics
    return { trades: status.totalTrades, seconds: processorSeconds(service.program.pid), at: Date.now() }
  })
  const before = yield* look
  yield* Effect.sleep(WINDOW)
  const after = yield* look
  const spilled = yield* service.sample("fulltape_trades_spilled_total")
  yield* service.program.signal("SIGTERM")
  yield* eventually(
    "its end",
    Effect.sync(() => service.program.isRunning),
    (isRunning) => !isRunning,
  )
  yield* database.query("DROP TABLE raw_trades CASCADE")
  const trades = after.trades - before.trades
  return {
    micros: ((after.seconds - before.seconds) / trades) * 1e6,
    rate: (trades / (after.at - before.at)) * 1_000,
    load: (after.seconds - before.seconds) / ((after.at - before.at) / 1_000),
    spilled,
  }
}, Effect.scoped)

const middle = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort(Num.Order)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[half] ?? Number.NaN) : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2
}

/** The service with every batch traced against the same without traces, in turns. */
export const tracing = Effect.gen(function* () {
  const { endpoint, spans } = yield* receiver
  const exchange = yield* startExchange(`--rate=${RATE}`)
  const traced = {
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
    OTEL_TRACES_SAMPLER_ARG: "1.0",
  }
  const ratios: Array<number> = []
  for (let index = 0; index < MOST_PAIRS && ratios.length < PAIRS; index++) {
    const first = index % 2 === 0 ? {} : traced
    const one = yield* round(exchange, first)
    const other = yield* round(exchange, first === traced ? {} : traced)
    const [without, with_] = first === traced ? [other, one] : [one, other]
    const counts = without.spilled + with_.spilled === 0
    if (counts) ratios.push(with_.micros / without.micros)
    yield* Console.log(
      `without ${without.micros.toFixed(1)} µs a trade at ${Math.round(without.rate)}/s (${(without.load * 100).toFixed(0)}%, ${without.spilled} spilled), ` +
        `with ${with_.micros.toFixed(1)} µs at ${Math.round(with_.rate)}/s (${(with_.load * 100).toFixed(0)}%, ${with_.spilled} spilled): ${(with_.micros / without.micros).toFixed(3)}${counts ? "" : ", does not count"}`,
    )
  }
  yield* Console.log(
    `traces cost ${((middle(ratios) - 1) * 100).toFixed(1)}% of the service's processor time (median of ${ratios.length} pairs in turns, ${Math.min(...ratios).toFixed(3)} to ${Math.max(...ratios).toFixed(3)}; ${spans().toLocaleString("en")} spans)`,
  )
}).pipe(Effect.scoped)

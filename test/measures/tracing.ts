import { Console, Effect } from "effect"
import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { type ServiceProcess, startService } from "../fixtures/service/ServiceProcess.ts"
import { TestPostgres } from "../fixtures/service/TestPostgres.ts"

const SYMBOLS = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "ADAUSDT", "XRPUSDT"]
const RATE = 20_000
const WINDOWS = 8
const WINDOW = "8 seconds"
/** What the compiler of the process has not seen often yet is slow. */
const WARM_UP = "30 seconds"

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

/** What a service has done so far. */
const look = (service: ServiceProcess) =>
  Effect.gen(function* () {
    const { status } = yield* service.metrics
    const spilled = yield* service.sample("fulltape_trades_spilled_total")
    return { trades: status.totalTrades, seconds: processorSeconds(service.program.pid), spilled }
  })

/** Microseconds of processor time a trade, in each of some windows, of services that run at the same time on the same trades. */
const compared = Effect.fnUntraced(function* (environments: ReadonlyArray<Readonly<Record<string, string>>>) {
  const exchange = yield* startExchange(`--rate=${RATE}`)
  const services = yield* Effect.forEach(environments, (env) =>
    Effect.gen(function* () {
      const database = yield* (yield* TestPostgres).create
      // A disk that is slow to sync would make the service spill, and do other work than it is measured for.
      yield* database.query(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET synchronous_commit = off`)
      return yield* startService({ exchange, database, symbols: SYMBOLS, env })
    }),
  )
  yield* Effect.sleep(WARM_UP)
  const windows: Array<ReadonlyArray<number>> = []
  for (let index = 0; index < WINDOWS; index++) {
    const before = yield* Effect.forEach(services, look)
    yield* Effect.sleep(WINDOW)
    const after = yield* Effect.forEach(services, look)
    const used = after.map(({ seconds, spilled, trades }, service) => {
      const then = before[service] ?? { seconds: 0, spilled: 0, trades: 0 }
      return spilled > then.spilled ? Number.NaN : ((seconds - then.seconds) / (trades - then.trades)) * 1e6
    })
    if (used.some(Number.isNaN)) yield* Console.log("a window in which the database did not keep up does not count")
    else windows.push(used)
  }
  return windows
}, Effect.scoped)

const middle = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}

const mean = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** The service with every batch traced beside the same without traces, and then the other way round. */
export const tracing = Effect.gen(function* () {
  const { endpoint, spans } = yield* receiver
  const traced = {
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
    OTEL_TRACES_SAMPLER_ARG: "1.0",
  }
  const first = (yield* compared([{}, traced])).map(([without = 0, with_ = 0]) => ({ without, with: with_ }))
  const second = (yield* compared([traced, {}])).map(([with_ = 0, without = 0]) => ({ without, with: with_ }))
  const pairs = [...first, ...second]
  for (const pair of pairs) {
    const ratio = (pair.with / pair.without).toFixed(3)
    yield* Console.log(
      `${pair.without.toFixed(1)} µs a trade without traces, ${pair.with.toFixed(1)} µs with: ${ratio}`,
    )
  }
  const without = mean(pairs.map((pair) => pair.without))
  const more = mean(pairs.map((pair) => pair.with)) - without
  const ofOneCore = (micros: number) => `${((micros * RATE) / 10_000).toFixed(1)}% of one processor core`
  yield* Console.log(
    `without traces ${without.toFixed(1)} µs a trade, which is ${ofOneCore(without)} at ${RATE.toLocaleString("en")} trades/s; ` +
      `traces add ${more.toFixed(1)} µs, ${ofOneCore(more)}, ${((more / without) * 100).toFixed(1)}% of what it was ` +
      `(${pairs.length} windows, median ${((middle(pairs.map((pair) => pair.with / pair.without)) - 1) * 100).toFixed(1)}%; ${spans().toLocaleString("en")} spans)`,
  )
}).pipe(Effect.scoped)
